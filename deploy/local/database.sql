-- Creates a service's login role and the schema that it owns. Idempotent.
-- Run once for each service, with the session settings `fairdb.role` and `fairdb.password`.
DO $$
DECLARE
    service  text := current_setting('fairdb.role');
    password text := current_setting('fairdb.password');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = service) THEN
        EXECUTE format('CREATE ROLE %I', service);
    END IF;
    EXECUTE format('ALTER ROLE %I LOGIN NOCREATEDB NOCREATEROLE PASSWORD %L', service, password);
    -- CREATE SCHEMA ... AUTHORIZATION requires membership in the role, except for superusers.
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT %I TO CURRENT_USER', service);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), service);
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, service);
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM PUBLIC', service);
    EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = %I', service, current_database(), service);
END $$;
