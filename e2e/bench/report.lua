-- For wrk(1): one line that a program can read, instead of figures rounded for a person. Defining done() alone costs nothing while it runs.
function done(summary)
  local e = summary.errors
  io.write(string.format("result %d %d %d %d\n", summary.requests, summary.bytes, summary.duration,
    e.connect + e.read + e.write + e.timeout + e.status))
end
