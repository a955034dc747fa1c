-- Gives each request its correlation id, refuses fields that a call does not have, and gives each REST answer its final
-- form. Listed before the transcoder, which drops such fields without a word, and so that it sees answers after
-- transcoding. Before this script stand CALLS, which lists what takes a body (verb, pattern of the path, fields), and LARGEST_BODY.

local NAMESPACE = "fairdb.edge"
local X4 = "%x%x%x%x"
local UUID = "^" .. X4 .. X4 .. "%-" .. X4 .. "%-" .. X4 .. "%-" .. X4 .. "%-" .. X4 .. X4 .. X4 .. "$"

-- Any word may stand where the method does, and the log keeps no word of a client's.
local METHODS = {GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true}

-- The HTTP statuses that a service may choose with the header x-http-code, which gRPC itself has no word for,
-- and whether the call must have succeeded in gRPC.
local CHOSEN = {["201"] = true, ["412"] = false, ["415"] = false, ["503"] = true}

-- What concerns only ourselves: names, and beginnings of names.
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

-- Returns the fields of the call that a request makes, nil when it takes no body.
local function fields_of(method, path)
  path = path:match("^[^?]*")
  for _, call in ipairs(CALLS) do
    if call.verb == method and path:find(call.path) then return call end
  end
end

-- Returns whether an object holds a key, outside of what is nested, that is not known. What is no JSON is not judged here.
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
  local call = fields_of(headers:get(":method"), headers:get(":path"))
  -- Whoever shows no token is refused later: nobody's body is read for that.
  if not call or (call.needs_token and not headers:get("authorization")) then return end
  -- More than a connection's buffer holds this filter cannot look at.
  local length = tonumber(headers:get("content-length") or "")
  if not length or length >= LARGEST_BODY then return end
  local body = handle:body()
  if body and has_unknown_key(body:getBytes(0, body:length()), call.known) then
    -- What was taken from the handle before it waited for the body is no longer good.
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
  local facts = handle:streamInfo():dynamicMetadata()
  facts:set(NAMESPACE, "correlation_id", correlation_id)
  local method = headers:get(":method")
  facts:set(NAMESPACE, "method", METHODS[method] and method or "OTHER")
  if not is_grpc(headers:get("content-type")) then check_fields(handle) end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  local facts = handle:streamInfo():dynamicMetadata():get(NAMESPACE)
  if facts ~= nil then
    headers:replace("x-correlation-id", facts["correlation_id"])
  end
  -- A gRPC client needs its grpc-* headers.
  if is_grpc(headers:get("content-type")) then return end

  local chosen = headers:get("x-http-code") or ""
  local needs_success = CHOSEN[chosen]
  if needs_success == false or (needs_success and headers:get(":status") == "200") then
    headers:replace(":status", chosen)
  end

  -- Headers cannot be removed while they are walked.
  local doomed = {}
  for name in pairs(headers) do
    if is_internal(name) then doomed[#doomed + 1] = name end
  end
  for _, name in ipairs(doomed) do
    headers:remove(name)
  end
end
