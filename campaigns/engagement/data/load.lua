-- What wrk asks for in `bench track`: the paths in lines FIRST to LAST of FILE, each once; then its one thread stops.
local ffi = require("ffi")
ffi.cdef("typedef struct { long sec, usec; } moment; int gettimeofday(moment *now, void *zone);")
local now, threads = ffi.new("moment"), {}
local paths, at = {}, 0
began, ended = 0, 0  -- read by done()

local function clock()
  ffi.C.gettimeofday(now, nil)
  return tonumber(now.sec) + tonumber(now.usec) / 1e6
end

function setup(thread)
  table.insert(threads, thread)
end

local rest = "Host: localhost\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
  .. "Accept: text/html\r\nAccept-Language: en\r\nSec-Fetch-User: ?1\r\n\r\n"

function init(args)
  local first, last, number = tonumber(args[2]), tonumber(args[3]), 0
  for line in io.lines(args[1]) do
    if number >= first and number < last then
      paths[#paths + 1] = "GET " .. line .. " HTTP/1.1\r\n" .. rest
    end
    number = number + 1
  end
end

function request()
  at = at + 1
  if at == 1 then
    began = clock()
  end
  if at > #paths then
    ended = ended > 0 and ended or clock()
    wrk.thread:stop()
    return "GET /healthz HTTP/1.1\r\n" .. rest  -- something must be sent, and nobody waits for it
  end
  return paths[at]
end

function done(summary, latency)
  local errors, first, last = summary.errors, threads[1]:get("began"), threads[1]:get("ended")
  local seconds = last > 0 and last - first or summary.duration / 1e6  -- wrk sleeps on when its thread has stopped
  io.write(string.format(
    '{"seconds": %f, "answered": %d, "p50_ms": %f, "p99_ms": %f, "wrong": %d}\n',
    seconds, summary.requests, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
