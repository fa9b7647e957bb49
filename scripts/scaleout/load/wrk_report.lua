-- For wrk: asks for WRK_PATH, with a random id from 1 to WRK_IDS where it says %d, and reports as one line of JSON.
-- WRK_HEADERS has further headers, a line each. WRK_TOKENS is a file with an access token a line: each request has the next
-- one, and no two of WRK_THREADS have the same.
-- /api/payments is paid to instead: for one order after the other from WRK_FIRST_ORDER on, each once. They cost 5.00 EUR and
-- are of user 1 + id % 1000, which releases before reservations want to hear.
--
-- wrk shares the processors with what it measures, so a request costs it as little as can be: it is written once, and
-- without an id there is no Lua in its way at all.
local path = os.getenv("WRK_PATH")
local ids = tonumber(os.getenv("WRK_IDS") or "1000")
local threads = 0

for name, value in (os.getenv("WRK_HEADERS") or ""):gmatch("([^:\n]+): ([^\n]*)\n") do
  wrk.headers[name] = value
end

function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

if path == "/api/payments" then
  local body = '{"orderId":%d,"userId":%d,"amount":500,"currency":"EUR","paymentMethodToken":"tok_success"}'
  local every = tonumber(os.getenv("WRK_THREADS"))
  local prefix, order

  function init()
    math.randomseed(os.time() * 100 + number)
    prefix = string.format("%x-%x-%d-", os.time(), math.random(2 ^ 30), number)
    order = tonumber(os.getenv("WRK_FIRST_ORDER")) + number - 1 - every
  end

  function request()
    order = order + every
    local headers = {["Content-Type"] = "application/json", ["Idempotency-Key"] = prefix .. order,
                     ["Authorization"] = wrk.headers["Authorization"]}
    return wrk.format("POST", path, headers, body:format(order, 1 + order % 1000))
  end
elseif (os.getenv("WRK_TOKENS") or "") ~= "" then
  local requests, turn = {}, 0

  function init()
    math.randomseed(os.time() * 100 + number)
    local threads, line = tonumber(os.getenv("WRK_THREADS")), 0
    for token in io.lines(os.getenv("WRK_TOKENS")) do
      line = line + 1
      if line % threads == number % threads then
        local of_one = path:gsub("%%d", math.random(ids))
        requests[#requests + 1] = wrk.format("GET", of_one, {["Authorization"] = "Bearer " .. token})
      end
    end
  end

  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
elseif path:find("%%d") then
  local requests = {}

  function init()
    math.randomseed(os.time() * 100 + number)
    for id = 1, ids do
      requests[id] = wrk.format("GET", (path:gsub("%%d", id)))
    end
  end

  function request()
    return requests[math.random(ids)]
  end
else
  wrk.path = path
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nREPORT {"requests":%d,"bad_statuses":%d,"seconds":%.6f,"p50_ms":%.4f,"p95_ms":%.4f,"p99_ms":%.4f,"errors":%d}\n',
    summary.requests, e.status, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.timeout + e.status))
end
