// A server of streams in memory, with writers and readers of it that fail as a test wants: for
// tests of what stands between a database and the streams.
//
// A reply can be lost after the command was carried out, the server can be away, be flushed, or
// restart without what it had written last. Used by one thread.
#ifndef SCALEOUT_TESTS_SUPPORT_FAKE_STREAMS_H_
#define SCALEOUT_TESTS_SUPPORT_FAKE_STREAMS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/clock.h"
#include "redis/stream_reader.h"
#include "redis/stream_writer.h"

namespace scaleout::testing {

class FakeStreams {
 public:
  explicit FakeStreams(const Clock& clock) : clock_(clock) {}

  bool away = false;
  // The next command is carried out, and its reply lost.
  bool lose_next_reply = false;
  // Called when entries have been appended, before the writer hears of it.
  std::function<void()> on_append = [] {};

  void Flush() { streams_.clear(); }
  // The server comes back without the last `lost` entries of each stream.
  void Restart(std::size_t lost) {
    ++run_;
    for (auto& [name, stream] : streams_) {
      for (std::size_t i = 0; i < lost && !stream.entries.empty(); ++i) {
        stream.entries.erase(std::prev(stream.entries.end()));
      }
    }
  }
  // Gives the entry to the group once more, as if it had never been acknowledged.
  void Duplicate(const std::string& stream, std::int64_t number, const std::string& group) {
    streams_[stream].groups[group].pending[number] = clock_.Now();
  }
  // As an operator with a shell may.
  void AddByHand(const std::string& stream, std::int64_t number, StreamFields fields) {
    streams_[stream].entries[number] = std::move(fields);
    streams_[stream].last = std::max(streams_[stream].last, number);
  }
  void MakeGroup(const std::string& stream, const std::string& group) {
    streams_[stream].groups.try_emplace(group);
  }
  std::size_t length(const std::string& stream) { return streams_[stream].entries.size(); }
  std::int64_t last(const std::string& stream) { return streams_[stream].last; }
  std::vector<std::int64_t> Numbers(const std::string& stream) {
    std::vector<std::int64_t> numbers;
    for (const auto& [number, fields] : streams_[stream].entries) numbers.push_back(number);
    return numbers;
  }
  const StreamFields& Fields(const std::string& stream, std::int64_t number) {
    return streams_[stream].entries.at(number);
  }
  std::size_t pending(const std::string& stream, const std::string& group) {
    return streams_[stream].groups[group].pending.size();
  }

  std::unique_ptr<StreamWriter> MakeWriter() { return std::make_unique<Writer>(*this); }
  std::unique_ptr<StreamReader> MakeReader(std::vector<std::string> streams, std::string group) {
    return std::make_unique<Reader>(*this, std::move(streams), std::move(group));
  }

 private:
  struct Group {
    std::int64_t delivered = 0;
    std::map<std::int64_t, MonotonicTime> pending;  // since when
  };
  struct Stream {
    std::string incarnation;
    std::int64_t last = 0;
    std::map<std::int64_t, StreamFields> entries;
    std::map<std::string, Group> groups;
  };

  // Before a command.
  absl::Status Arrive() const {
    return away ? absl::UnavailableError("the server is away") : absl::OkStatus();
  }
  // After it.
  absl::Status Reply() {
    return std::exchange(lose_next_reply, false) ? absl::DeadlineExceededError("no reply")
                                                 : absl::OkStatus();
  }

  class Writer final : public StreamWriter {
   public:
    explicit Writer(FakeStreams& server) : server_(server) {}

    absl::StatusOr<std::string> Begin(const std::string& name,
                                      std::span<const std::string> groups) override {
      if (absl::Status status = server_.Arrive(); !status.ok()) return status;
      Stream& stream = server_.streams_[name] = Stream();
      stream.incarnation = std::to_string(++server_.incarnations_);
      for (const std::string& group : groups) stream.groups[group] = {};
      if (absl::Status status = server_.Reply(); !status.ok()) return status;
      return server_.IncarnationOf(stream);
    }

    absl::StatusOr<AppendAnswer> Append(const std::string& name, const std::string& incarnation,
                                        std::int64_t max_length,
                                        std::span<const NumberedEntry> entries) override {
      if (absl::Status status = server_.Arrive(); !status.ok()) return status;
      Stream& stream = server_.streams_[name];
      AppendAnswer answer{StreamVerdict::kDone, stream.last};
      if (server_.IncarnationOf(stream) != incarnation) {
        answer.verdict = StreamVerdict::kOtherIncarnation;
      } else if (entries.front().number <= stream.last) {
        answer.verdict = StreamVerdict::kNumberTooLow;
      } else if (static_cast<std::int64_t>(stream.entries.size() + entries.size()) > max_length) {
        answer.verdict = StreamVerdict::kFull;
      } else {
        for (const NumberedEntry& entry : entries) {
          stream.entries[entry.number] = entry.fields;
          stream.last = entry.number;
        }
        const auto on_append = server_.on_append;  // which it may replace
        on_append();
      }
      if (absl::Status status = server_.Reply(); !status.ok()) return status;
      return answer;
    }

    absl::StatusOr<TrimAnswer> TrimAcknowledged(const std::string& name,
                                                const std::string& incarnation,
                                                std::span<const std::string> groups) override {
      if (absl::Status status = server_.Arrive(); !status.ok()) return status;
      Stream& stream = server_.streams_[name];
      const bool complete = std::ranges::all_of(
          groups, [&](const std::string& group) { return stream.groups.contains(group); });
      if (server_.IncarnationOf(stream) != incarnation || !complete) {
        return TrimAnswer{StreamVerdict::kOtherIncarnation};
      }
      std::int64_t least = stream.last;
      for (const auto& [group, state] : stream.groups) {
        least = std::min(
            least, state.pending.empty() ? state.delivered : state.pending.begin()->first - 1);
      }
      stream.entries.erase(stream.entries.begin(), stream.entries.upper_bound(least));
      if (absl::Status status = server_.Reply(); !status.ok()) return status;
      return TrimAnswer{StreamVerdict::kDone, least,
                        static_cast<std::int64_t>(stream.entries.size())};
    }

   private:
    FakeStreams& server_;
  };

  class Reader final : public StreamReader {
   public:
    Reader(FakeStreams& server, std::vector<std::string> streams, std::string group)
        : server_(server), streams_(std::move(streams)), group_(std::move(group)) {}

    absl::StatusOr<std::vector<StreamEntry>> ReadNew(int limit, Duration) override {
      if (absl::Status status = server_.Arrive(); !status.ok()) return status;
      std::vector<StreamEntry> read;
      for (const std::string& name : streams_) {
        Stream& stream = server_.streams_[name];
        Group& group = stream.groups[group_];
        int count = 0;
        for (auto entry = stream.entries.upper_bound(group.delivered);
             entry != stream.entries.end() && count < limit; ++entry, ++count) {
          group.delivered = entry->first;
          group.pending[entry->first] = server_.clock_.Now();
          read.push_back({name, std::to_string(entry->first) + "-0", entry->second});
        }
      }
      if (absl::Status status = server_.Reply(); !status.ok()) return status;
      return read;
    }

    absl::StatusOr<std::vector<StreamEntry>> ClaimIdle(int limit, Duration idle) override {
      if (absl::Status status = server_.Arrive(); !status.ok()) return status;
      std::vector<StreamEntry> claimed;
      for (const std::string& name : streams_) {
        Stream& stream = server_.streams_[name];
        int count = 0;
        for (auto& [number, since] : stream.groups[group_].pending) {
          const auto entry = stream.entries.find(number);
          if (count == limit || server_.clock_.Now() - since < idle ||
              entry == stream.entries.end()) {
            continue;
          }
          since = server_.clock_.Now();
          ++count;
          claimed.push_back({name, std::to_string(number) + "-0", entry->second});
        }
      }
      if (absl::Status status = server_.Reply(); !status.ok()) return status;
      return claimed;
    }

    absl::Status Acknowledge(const std::string& stream, std::span<const std::string> ids) override {
      if (absl::Status status = server_.Arrive(); !status.ok()) return status;
      for (const std::string& id : ids) {
        server_.streams_[stream].groups[group_].pending.erase(std::stoll(id));
      }
      return server_.Reply();
    }

    absl::StatusOr<std::vector<StreamBacklog>> Backlogs() override {
      return std::vector<StreamBacklog>();
    }
    absl::Status ForgetConsumers(Duration) override { return server_.Arrive(); }

   private:
    FakeStreams& server_;
    const std::vector<std::string> streams_;
    const std::string group_;
  };

  std::string IncarnationOf(const Stream& stream) const {
    return stream.incarnation.empty() ? "" : std::to_string(run_) + ":" + stream.incarnation;
  }

  const Clock& clock_;
  int run_ = 1;
  int incarnations_ = 0;
  std::map<std::string, Stream> streams_;
};

}  // namespace scaleout::testing

#endif  // SCALEOUT_TESTS_SUPPORT_FAKE_STREAMS_H_
