// Bounds the answer of a batch read (rpc::v1::kMaxBatchAnswerBytes).
//
// An RPC makes one BatchAnswer for one answer, fills the entries in the order of the keys and
// passes each to Bound(). An entry that does not fit beside the entries before it is replaced by a
// KeyError with reason ENTRY_TOO_LARGE, and its caller reads that key with the RPC for one; a
// smaller entry after it may still fit. Room for an error in place of every entry is set aside
// first, so that the whole answer stays within the limit; an entry that is an error already is not
// passed to Bound(). Each entry is measured once. Not thread-safe.
#ifndef SCALEOUT_SERVICE_BATCH_ANSWER_H_
#define SCALEOUT_SERVICE_BATCH_ANSWER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "scaleout/rpc/v1/error_details.pb.h"

namespace scaleout {

class BatchAnswer {
 public:
  // `keys` is at most rpc::v1::kMaxBatchKeys.
  explicit BatchAnswer(std::size_t keys);

  // `Entry` is a message with the member `error` in a oneof with the value.
  template <typename Entry>
  void Bound(Entry& entry) {
    if (!Take(entry.ByteSizeLong())) Refuse(entry);
  }

  // For a key that has no value: `status` is what the RPC for one key answers.
  template <typename Entry>
  static void Fail(Entry& entry, const absl::Status& status) {
    SetError(*entry.mutable_error(), status);
  }

  // For an entry that was not loaded, because with it the service would load too much at once.
  template <typename Entry>
  static void Refuse(Entry& entry) {
    SetTooLarge(*entry.mutable_error());
  }

 private:
  bool Take(std::size_t entry_bytes);
  static void SetTooLarge(rpc::v1::KeyError& error);
  static void SetError(rpc::v1::KeyError& error, const absl::Status& status);

  std::size_t left_bytes_;
};

}  // namespace scaleout

#endif  // SCALEOUT_SERVICE_BATCH_ANSWER_H_
