// The stream of revocations as a test needs it: what its reader finds, what fails, and what a test
// does at a moment of its choice. Used by one thread.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_REVOCATION_STREAM_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_REVOCATION_STREAM_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "redis/revocation_reader.h"

namespace scaleout::testing {

class FakeRevocationStream {
 public:
  std::vector<std::string> entries;
  std::string incarnation = "first";  // "": no publisher was there yet
  absl::Status status;                // of whatever is asked
  // Called when the server is asked, before and after it looks.
  std::function<void()> on_arrival = [] {};
  std::function<void()> on_reply = [] {};
  // Its clock.
  std::function<WallTime()> server_time = [] { return WallTime(); };
  int begins = 0;
  int reads = 0;
  std::vector<Duration> waits;

  // Outlived by the stream.
  std::unique_ptr<RevocationReader> MakeReader() { return std::make_unique<Reader>(*this); }

 private:
  class Reader final : public RevocationReader {
   public:
    explicit Reader(FakeRevocationStream& stream) : stream_(stream) {}

    absl::StatusOr<RevocationPosition> Begin() override {
      ++stream_.begins;
      if (!stream_.status.ok()) return stream_.status;
      if (stream_.incarnation.empty()) return absl::FailedPreconditionError("not begun");
      return RevocationPosition{.incarnation = stream_.incarnation,
                                .last_id = std::to_string(stream_.entries.size()) + "-0",
                                .added = static_cast<std::int64_t>(stream_.entries.size())};
    }

    absl::StatusOr<RevocationBatch> Read(RevocationPosition& position, int limit) override {
      ++stream_.reads;
      stream_.on_arrival();
      absl::StatusOr<RevocationBatch> batch = Look(position, limit);
      stream_.on_reply();
      return batch;
    }

    absl::Status Wait(const RevocationPosition&, Duration at_most) override {
      stream_.waits.push_back(at_most);
      return stream_.status;
    }

   private:
    absl::StatusOr<RevocationBatch> Look(RevocationPosition& position, int limit) const {
      if (!stream_.status.ok()) return stream_.status;
      if (stream_.incarnation != position.incarnation) return absl::DataLossError("another one");
      RevocationBatch batch;
      batch.server_time = stream_.server_time();
      auto& at = position.added;
      while (static_cast<std::size_t>(at) < stream_.entries.size()) {
        if (batch.session_ids.size() == static_cast<std::size_t>(limit)) {
          batch.complete = false;
          return batch;
        }
        batch.session_ids.push_back(stream_.entries[static_cast<std::size_t>(at++)]);
      }
      return batch;
    }

    FakeRevocationStream& stream_;
  };
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_REVOCATION_STREAM_H_
