-- One closed-loop run of wrk: `wrk … -s load.lua URL -- METHOD FILE SECONDS`, the token in BENCH_TOKEN.
--
-- FILE has one line per request: a body for POST, an id for GET. For SECONDS, each connection sends its next request as
-- soon as the previous one is answered. After that no request is sent, and the run ends with the last answer. So every
-- request is answered and counted, and the count can be compared exactly with what the server stored.

local ffi = require("ffi")
ffi.cdef([[
  typedef struct { long seconds; long nanoseconds; } moment;
  int clock_gettime(int clock, moment *now);
  int getpid(void);
  int kill(int pid, int signal);
]])

local MONOTONIC, INTERRUPT, NEVER = 1, 2, 3600 * 1000
local now = ffi.new("moment")

local function clock()
  ffi.C.clock_gettime(MONOTONIC, now)
  return tonumber(now.seconds) + tonumber(now.nanoseconds) / 1e9
end

-- Globals, because done() runs in another Lua state and reads them from this one.
due, answered, refused, began, ended, first_refusal = 0, 0, 0, 0, 0, ""

local requests, position, window = {}, 0, 0

function setup(thread)
  the_thread = thread
end

function init(args)
  local method, file = args[1], args[2]
  window = tonumber(args[3])
  local headers = {["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")}
  if method == "POST" then headers["Content-Type"] = "application/json" end
  -- wrk.format adds the Host header. Without it, many servers answer 400, which is faster than a real answer.
  for line in io.lines(file) do
    if method == "POST" then
      requests[#requests + 1] = wrk.format("POST", "/api/samples", headers, line)
    else
      requests[#requests + 1] = wrk.format("GET", "/api/samples/" .. line, headers)
    end
  end
end

-- SIGINT makes wrk stop early and print its report.
local function end_when_all_is_answered(at)
  if at - began >= window and answered == due then
    ffi.C.kill(ffi.C.getpid(), INTERRUPT)
  end
end

-- Called before each request; returns the milliseconds to wait.
function delay()
  local at = clock()
  if began == 0 then began = at end
  if at - began < window then
    due = due + 1
    return 0
  end
  end_when_all_is_answered(at)
  return NEVER
end

function request()
  position = position % #requests + 1
  return requests[position]
end

function response(status, headers, body)
  answered = answered + 1
  ended = clock()
  if status < 200 or status > 299 then
    refused = refused + 1
    if first_refusal == "" then first_refusal = status .. " " .. body:sub(1, 200):gsub("[^%w%p ]", " ") end
  end
  end_when_all_is_answered(ended)
end

function done(summary, latency, _)
  local errors = summary.errors
  local function get(name) return the_thread:get(name) end
  io.write(string.format(
    "\nRESULT\t%d\t%d\t%d\t%.6f\t%.1f\t%.1f\t%d\t%s\n",
    get("due"), get("answered"), get("refused"), get("ended") - get("began"),
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout, get("first_refusal")
  ))
end
