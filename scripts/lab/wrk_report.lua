-- For wrk: asks for WRK_PATH with a random id from 1 to WRK_IDS where it says %d, and reports as one line of JSON.
local path = os.getenv("WRK_PATH")
local ids = tonumber(os.getenv("WRK_IDS") or "1000")
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init()
  math.randomseed(os.time() * 100 + number)
end

function request()
  return wrk.format("GET", (path:gsub("%%d", math.random(ids))))
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nREPORT {"requests":%d,"seconds":%.6f,"p50Ms":%.4f,"p99Ms":%.4f,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.timeout + e.status))
end
