-- Assigns each request a correlation id, and sets the final status and headers of each REST response. Responses pass
-- this script after the transcoder.

local NAMESPACE = "fairdb.edge"
local X4 = "%x%x%x%x"
local UUID = "^" .. X4 .. X4 .. "%-" .. X4 .. "%-" .. X4 .. "%-" .. X4 .. "%-" .. X4 .. X4 .. X4 .. "$"

-- Methods that the log may contain. A client can send any word as its method; other words are logged as OTHER.
local METHODS = {GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true}

-- The HTTP statuses that a service may set with the header x-http-code, because gRPC has no code for them.
-- true: the status is applied only if the gRPC call succeeded.
local CHOSEN = {["201"] = true, ["412"] = false, ["415"] = false, ["503"] = true}

-- Headers that clients must not see: names and prefixes.
local INTERNAL = {["x-http-code"] = true, ["x-service-token"] = true}
local INTERNAL_PREFIXES = {"grpc-", "x-fairdb-", "x-envoy-", "x-edge-"}

local function is_grpc(content_type)
  return content_type ~= nil and (content_type == "application/grpc" or content_type:find("^application/grpc%+") ~= nil)
end

local function is_internal(name)
  if INTERNAL[name] then return true end
  for _, prefix in ipairs(INTERNAL_PREFIXES) do
    if name:sub(1, #prefix) == prefix then return true end
  end
  return false
end

-- Headers of the gRPC protocol that a gRPC client may send. A REST client may send none: the services would take them
-- for those of the transcoder, and fail the call with a text of gRPC.
-- Messages must not be compressed: gRPC refuses a damaged one, or one that is too long when unpacked, with a text of its
-- own.
local GRPC_HEADERS = {["grpc-encoding"] = true, ["grpc-accept-encoding"] = true}

local function remove_grpc_headers(headers, allowed)
  local removed = {}
  for name in pairs(headers) do
    if name:sub(1, 5) == "grpc-" and not allowed[name] then removed[#removed + 1] = name end
  end
  for _, name in ipairs(removed) do
    headers:remove(name)
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local correlation_id = (headers:get("x-correlation-id") or ""):lower()
  if not correlation_id:find(UUID) then
    correlation_id = headers:get("x-request-id")
  end
  headers:replace("x-correlation-id", correlation_id)
  local native = is_grpc(headers:get("content-type"))
  remove_grpc_headers(headers, native and GRPC_HEADERS or {})
  if native then
    headers:replace("x-edge-native", "1")
  else
    headers:remove("te")
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set(NAMESPACE, "correlation_id", correlation_id)
  local method = headers:get(":method")
  metadata:set(NAMESPACE, "method", METHODS[method] and method or "OTHER")
  if (headers:get("grpc-encoding") or "identity") ~= "identity" then
    metadata:set(NAMESPACE, "problem", "grpc-encoding must be identity: send messages without compression.")
    headers:replace("x-edge-problem", "400")
    handle:respond({[":status"] = "400"}, "")
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata():get(NAMESPACE)
  if metadata ~= nil then
    headers:replace("x-correlation-id", metadata["correlation_id"])
  end
  -- A gRPC client needs its grpc-* headers.
  if is_grpc(headers:get("content-type")) then return end

  local chosen = headers:get("x-http-code") or ""
  local needs_success = CHOSEN[chosen]
  if needs_success == false or (needs_success and headers:get(":status") == "200") then
    headers:replace(":status", chosen)
  end

  -- Headers cannot be removed during the iteration.
  local internal = {}
  for name in pairs(headers) do
    if is_internal(name) then internal[#internal + 1] = name end
  end
  for _, name in ipairs(internal) do
    headers:remove(name)
  end
end
