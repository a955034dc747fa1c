-- Assigns each request a correlation id, rejects unknown fields in JSON bodies, and sets the final status and headers
-- of each REST response. Requests pass this script before the transcoder, which would silently drop unknown fields.
-- Responses pass it after the transcoder. envoy/edge/filters.py puts two variables above this script: CALLS, the calls
-- with a JSON body (verb, path pattern, fields), and LARGEST_BODY in bytes.

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
  return content_type ~= nil and (content_type == "application/grpc" or content_type:find("^application/grpc[+;]") ~= nil)
end

local function is_internal(name)
  if INTERNAL[name] then return true end
  for _, prefix in ipairs(INTERNAL_PREFIXES) do
    if name:sub(1, #prefix) == prefix then return true end
  end
  return false
end

-- Returns the entry of CALLS for a request, or nil when the call has no JSON body.
local function find_call(method, path)
  path = path:match("^[^?]*")
  for _, call in ipairs(CALLS) do
    if call.verb == method and path:find(call.path) then return call end
  end
end

-- Returns whether the outermost JSON object has a key that is not in `known`. For invalid
-- JSON, the result does not matter, because the transcoder rejects it.
local function has_unknown_key(body, known)
  local depth, position = 0, 1
  while true do
    local found, _, mark = body:find('(["{}%[%]])', position)
    if not found then return false end
    position = found + 1
    if mark == '"' then
      local closing = position
      while true do
        local special = body:find('["\\]', closing)
        if not special then return false end
        closing = special
        if body:byte(special) == 34 then break end
        closing = special + 2
      end
      if depth == 1 and body:find("^%s*:", closing + 1) and not known[body:sub(position, closing - 1)] then
        return true
      end
      position = closing + 1
    elseif mark == "{" or mark == "[" then
      depth = depth + 1
    else
      depth = depth - 1
    end
  end
end

local function check_fields(handle)
  local headers = handle:headers()
  local call = find_call(headers:get(":method"), headers:get(":path"))
  -- A request without a required token is rejected later, without reading its body.
  if not call or (call.needs_token and not headers:get("authorization")) then return end
  -- This filter cannot read a body that exceeds the connection's buffer.
  local length = tonumber(headers:get("content-length") or "")
  if not length or length >= LARGEST_BODY then return end
  local body = handle:body()
  if body and has_unknown_key(body:getBytes(0, body:length()), call.known) then
    -- Fetch metadata and headers again: objects from before the wait for the body are invalid.
    handle:streamInfo():dynamicMetadata():set(NAMESPACE, "fields", call.fields)
    handle:headers():replace("x-edge-unknown-field", "1")
    handle:respond({[":status"] = "400"}, "")
  end
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local correlation_id = (headers:get("x-correlation-id") or ""):lower()
  if not correlation_id:find(UUID) then
    correlation_id = headers:get("x-request-id")
  end
  headers:replace("x-correlation-id", correlation_id)
  if is_grpc(headers:get("content-type")) then
    headers:replace("x-edge-native", "1")
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set(NAMESPACE, "correlation_id", correlation_id)
  local method = headers:get(":method")
  metadata:set(NAMESPACE, "method", METHODS[method] and method or "OTHER")
  if not is_grpc(headers:get("content-type")) then check_fields(handle) end
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
