"""PostgreSQL: pool, migrations, paging and retention."""
