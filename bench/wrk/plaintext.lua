-- The load of the comparison: DEPTH requests in a row, and the result as one line of JSON.
--
--   wrk ... -s plaintext.lua URL -- DEPTH
--
-- wrk's printed report rounds its figures; the line after "measured" does not.

function init(arguments)
  local depth = tonumber(arguments[1])
  if depth > 1 then
    local requests = {}
    for i = 1, depth do
      requests[i] = wrk.format()
    end
    local batch = table.concat(requests)
    -- wrk asks a script that has this function for each batch, any other only once.
    request = function() return batch end
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'measured {"microseconds":%d,"requests":%d,"bytes":%d,'
      .. '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},'
      .. '"p50_us":%d,"p99_us":%d}\n',
    summary.duration, summary.requests, summary.bytes,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
