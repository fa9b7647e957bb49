// Open-loop load over HTTP/1.1 on 127.0.0.1: requests arrive as a Poisson process, whatever became
// of the earlier ones, and a latency begins at the moment that the schedule gave the request. So a
// server that stalls is charged with every request that would have come meanwhile.
//
// One thread with epoll; a request goes out on the free connection that was used last, on a new one
// where all are busy, and at `max_connections` it waits for one, which is counted and is part of
// its latency. The same seed gives the same arrivals and the same ids. Nothing is sent twice. The
// idea is wrk2's: "coordinated omission" (Gil Tene).
#ifndef SCALEOUT_TESTS_LOAD_OPEN_LOOP_H_
#define SCALEOUT_TESTS_LOAD_OPEN_LOOP_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/clock.h"

namespace scaleout::load {

struct OpenLoopOptions {
  int port = 0;
  // A %d is a random id from 1 to `ids`.
  std::string path = "/";
  int ids = 1000;
  // Requests a second, on average.
  double rate = 0;
  // How long requests arrive, and how long the last answers may take.
  Duration length = std::chrono::seconds(1);
  Duration patience = std::chrono::seconds(5);
  int max_connections = 1024;
  std::uint64_t seed = 1;
};

struct OpenLoopReport {
  // The smallest that at least `share` of the values do not exceed, in milliseconds; 0 of none.
  static double PercentileMs(std::vector<Duration> values, double share);

  // Requests that arrived, and those of them without an answer or with a status over 399.
  std::int64_t requests = 0;
  std::int64_t failed = 0;
  // Requests that waited for a connection, and connections that were opened.
  std::int64_t waited = 0;
  std::int64_t connections = 0;
  // From the schedule to the answer, of the requests that did not fail.
  std::vector<Duration> latencies;
  // From the schedule until a free connection was looked for: how late the load itself was.
  std::vector<Duration> lateness;
};

// UNAVAILABLE if the system gives no epoll.
absl::StatusOr<OpenLoopReport> RunOpenLoop(const OpenLoopOptions& options, const Clock& clock);

}  // namespace scaleout::load

#endif  // SCALEOUT_TESTS_LOAD_OPEN_LOOP_H_
