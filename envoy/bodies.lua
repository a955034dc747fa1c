-- Rejects a request whose JSON body or query has a field that the call does not have, and a body that is not strict JSON
-- (RFC 8259). The transcoder would silently drop the field, and it reads more than JSON: names in single quotes or
-- without quotes, repeated names, NaN. envoy/edge/filters.py puts three variables above this script: CALLS (verb, path
-- pattern, body, query), SCHEMAS (the fields of each message and their types) and UNARY (the paths of unary RPCs).
--
-- A problem never quotes the request, because a name or a value may identify a person.

local NAMESPACE = "fairdb.edge"
local DEEPEST = 32
local TIME = "^%d%d%d%d%-%d%d%-%d%d[Tt]%d%d:%d%d:%d%d%.?%d*[Zz+-]"
local SPACE = "^[ \t\r\n]*()"
local ESCAPES = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

local text, position
-- Where the current value is: "dataUse.2.id".
local path

local function fail(problem) error({problem = problem}, 0) end

local function not_json(expected)
  fail("The body is not valid JSON: " .. expected .. " must follow at byte " .. position .. ".")
end

local function at() return path == "" and "The body" or "The field " .. path end

local function skip_space() position = text:match(SPACE, position) end

local function next_is(mark)
  if text:sub(position, position) ~= mark then return false end
  position = position + 1
  skip_space()
  return true
end

local function read_string()
  local start = position + 1
  local closing, escaped = start, false
  while true do
    closing = text:find('["\\%c]', closing)
    if not closing then not_json("the end of a string") end
    local byte = text:byte(closing)
    if byte == 34 then break end
    if byte == 92 then
      escaped = true
      if text:find('^["\\/bfnrt]', closing + 1) then
        closing = closing + 2
      elseif text:find("^u%x%x%x%x", closing + 1) then
        closing = closing + 6
      else
        position = closing
        not_json("a known escape sequence")
      end
    elseif byte == 127 then
      closing = closing + 1
    else
      position = closing
      not_json("an escape sequence in place of a control character")
    end
  end
  local read = text:sub(start, closing - 1)
  position = closing + 1
  skip_space()
  return read, escaped
end

-- Returns a name without escape sequences, so that "\u0061" and "a" are the same name.
local function unescaped(name)
  return (name:gsub("\\(.)(%x?%x?%x?%x?)", function(mark, digits)
    if mark ~= "u" then return (ESCAPES[mark] or mark) .. digits end
    local code = tonumber(digits, 16)
    if code < 128 then return string.char(code) end
  end))
end

local function read_name()
  if text:byte(position) ~= 34 then not_json("a name in double quotes") end
  local name, escaped = read_string()
  if not next_is(":") then not_json("a colon") end
  return escaped and unescaped(name) or name
end

local function read_number()
  local last = text:match("^%-?0()", position) or text:match("^%-?[1-9]%d*()", position)
  if not last then not_json("a value") end
  last = text:match("^%.%d+()", last) or last
  last = text:match("^[eE][+-]?%d+()", last) or last
  if text:find("^[%w.+-]", last) then
    position = last
    not_json("the end of a number")
  end
  position = last
  skip_space()
end

local function listed(schema)
  local names = {}
  for name in pairs(schema) do
    if not name:find("_") then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local read_value

local function read_members(depth, member)
  local seen = {}
  if next_is("}") then return end
  repeat
    local name = read_name()
    if seen[name] then fail(at() .. " has the same name twice.") end
    seen[name] = true
    member(name, depth)
  until not next_is(",")
  if not next_is("}") then not_json("a comma or }") end
end

local function read_object(schema, depth)
  local outer = path
  read_members(depth, function(name)
    local kind = schema[name]
    if not kind then
      path = outer
      fail(at() .. " has a field that this call does not accept. It accepts: " .. listed(schema) .. ".")
    end
    path = outer == "" and name or outer .. "." .. name
    read_value(kind, depth)
    path = outer
  end)
end

local function read_map(kind, depth)
  local outer, count = path, 0
  read_members(depth, function()
    count = count + 1
    path = outer .. " (entry " .. count .. ")"
    read_value(kind, depth)
    path = outer
  end)
end

local function read_list(kind, depth)
  local outer, count = path, 0
  if next_is("]") then return end
  repeat
    path = outer .. "." .. count
    read_value(kind, depth)
    path = outer
    count = count + 1
  until not next_is(",")
  if not next_is("]") then not_json("a comma or ]") end
end

local function expect(accepted, wanted)
  if not accepted then fail(at() .. " must be " .. wanted .. ".") end
end

-- Reads one value of a type. For every type, null means that the field is absent.
read_value = function(kind, depth)
  if depth > DEEPEST then fail(at() .. " is nested too deeply.") end
  local byte = text:byte(position)
  local list, map = kind:match("^list (.*)"), kind:match("^map (.*)")
  local message = SCHEMAS[kind]
  if byte == 34 then
    local value = read_string()
    if kind == "time" then
      expect(value:find(TIME), "a time such as 2027-01-31T12:00:00Z")
    elseif kind == "number" then
      expect(tonumber(value), "a number")
    else
      expect(kind == "string" or kind == "enum" or kind == "any",
        (list and "a list") or ((map or message) and "an object") or "true or false")
    end
  elseif byte == 123 then
    expect(map or message or kind == "any", (list and "a list") or (kind == "time" and "a string") or "a " .. kind)
    position = position + 1
    skip_space()
    if message then read_object(message, depth + 1) else read_map(map or "any", depth + 1) end
  elseif byte == 91 then
    expect(list or kind == "any",
      ((map or message) and "an object") or (kind == "time" and "a string") or "one " .. kind .. ", not a list")
    position = position + 1
    skip_space()
    read_list(list or "any", depth + 1)
  else
    local word, last = text:match("^(%a+)()", position)
    if word == "NaN" or word == "Infinity" or text:find("^%-I", position) then
      fail(at() .. " is NaN or Infinity, which JSON does not have: send null or leave it out.")
    elseif word == "true" or word == "false" then
      expect(kind == "boolean" or kind == "any",
        (list and "a list") or ((map or message) and "an object") or (kind == "number" and "a number") or "a string")
      position = last
      skip_space()
    elseif word == "null" then
      position = last
      skip_space()
    else
      read_number()
      expect(kind == "number" or kind == "enum" or kind == "any",
        (list and "a list") or ((map or message) and "an object") or (kind == "boolean" and "true or false") or "a string")
    end
  end
end

-- Returns what is wrong with a body, or nil.
local function find_problem(body, kind)
  text, position, path = body, 1, ""
  local is_good, problem = pcall(function()
    skip_space()
    -- An empty body is an empty message.
    if position > #text then return end
    if text:byte(position) ~= 123 then not_json("an object") end
    read_value(kind, 1)
    if position <= #text then not_json("the end of the body") end
  end)
  text = nil
  if is_good then return nil end
  return type(problem) == "table" and problem.problem or error(problem)
end

-- Returns the entry of CALLS for a request, or nil for an unknown path. Among the paths that match, the longest applies:
-- "/api/consents/{id}:withdraw" rather than "/api/consents/{id}".
local function find_call(method, target)
  local route = target:match("^[^?]*")
  local found
  for _, call in ipairs(CALLS) do
    if call.verb == method and route:find(call.path) and (not found or #call.path > #found.path) then found = call end
  end
  return found
end

local function decoded(name)
  return (name:gsub("+", " "):gsub("%%(%x%x)", function(code) return string.char(tonumber(code, 16)) end))
end

local function has_unknown_parameter(target, known)
  for parameter in (target:match("%?(.*)") or ""):gmatch("[^&]+") do
    if not known[decoded(parameter:match("^[^=]*"))] then return true end
  end
  return false
end

local function reject(handle, status, problem)
  handle:streamInfo():dynamicMetadata():set(NAMESPACE, "problem", problem)
  handle:headers():replace("x-edge-problem", status)
  handle:respond({[":status"] = status}, "")
end

-- Return whether the body of a unary gRPC call is one message that is not compressed. A service written in Python never
-- answers a call without a message, and answers a damaged one with a text of gRPC.
local function is_one_message(body)
  if not body or body:length() < 5 then return false end
  local compressed, a, b, c, d = body:getBytes(0, 5):byte(1, 5)
  return compressed == 0 and ((a * 256 + b) * 256 + c) * 256 + d == body:length() - 5
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local target = headers:get(":path")
  -- CONNECT has no path. No route matches it.
  if target == nil then return end
  if headers:get("x-edge-native") then
    if UNARY[target] and not is_one_message(handle:body()) then
      reject(handle, "400", "The body must be one gRPC message, with its length before it, and not compressed.")
    end
    return
  end
  local call = find_call(headers:get(":method"), target)
  if not call then return end
  if has_unknown_parameter(target, call.query) then
    local accepted = listed(call.query)
    reject(handle, "400", "The query has a parameter that this call does not accept. It accepts: "
      .. (accepted == "" and "none" or accepted) .. ".")
    return
  end
  -- A request without a required token is rejected later, without reading its body.
  if not call.body or (call.needs_token and (headers:get("authorization") or "") == "") then return end
  local encoding = headers:get("content-encoding")
  if encoding and encoding ~= "identity" then
    reject(handle, "415", "This call does not accept a compressed body: send it without Content-Encoding.")
    return
  end
  local body = handle:body()
  if not body then return end
  local problem = find_problem(body:getBytes(0, body:length()), call.body)
  -- Objects from before the wait for the body are invalid, so `reject` fetches them again.
  if problem then reject(handle, "400", problem) end
end
