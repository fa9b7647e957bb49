// The stream on redis-state that says to every gateway which sessions have ended: names and limits
// that its two sides, the publisher (user service) and the reader (gateway), have in common.
//
//   revocations               a stream of entries with one field, the id of a session
//   revocations:incarnation   a random text, made by the publisher
//
// It has no groups: each gateway reads all of it. Access tokens live for 15 minutes, so an entry
// that is older than kRevocationAge says nothing any more. The stream may forget, because the rows
// in PostgreSQL are the truth: the random text and the server's run id are its incarnation, and the
// server counts how many entries were ever added. A reader whose incarnation or count differs may
// have missed some (flushed, restarted, trimmed under it) and reads the rows again.
#ifndef SCALEOUT_REDIS_REVOCATION_STREAM_H_
#define SCALEOUT_REDIS_REVOCATION_STREAM_H_

#include <chrono>
#include <cstdint>
#include <string_view>

namespace scaleout {

inline constexpr std::string_view kRevocationStream = "revocations";
inline constexpr std::string_view kRevocationIncarnation = "revocations:incarnation";
inline constexpr std::string_view kRevocationField = "sid";

// An access token's 15 minutes, and one for the clocks of the machines.
inline constexpr std::chrono::minutes kRevocationAge{16};
// Entries; the oldest go. By age alone there is no bound after the server's clock was set back.
inline constexpr std::int64_t kMaxRevocationEntries = 250'000;

}  // namespace scaleout

#endif  // SCALEOUT_REDIS_REVOCATION_STREAM_H_
