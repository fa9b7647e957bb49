#include "service/batch_answer.h"

#include <cstdint>
#include <string>

#include "proto/scaleout/rpc/v1/request_limits.h"

namespace scaleout {
namespace {

// What an entry that only holds an error takes in the answer, with a margin.
constexpr std::size_t kErrorBytes = 128;
// In front of each entry: its field's tag and its length.
constexpr std::size_t kEntryHeadBytes = 5;

}  // namespace

BatchAnswer::BatchAnswer(std::size_t keys)
    : left_bytes_(rpc::v1::kMaxBatchAnswerBytes - keys * kErrorBytes) {
  static_assert(rpc::v1::kMaxBatchKeys * kErrorBytes < rpc::v1::kMaxBatchAnswerBytes);
}

bool BatchAnswer::Take(std::size_t entry_bytes) {
  if (entry_bytes + kEntryHeadBytes > left_bytes_) return false;
  left_bytes_ -= entry_bytes + kEntryHeadBytes;
  return true;
}

void BatchAnswer::SetError(rpc::v1::KeyError& error, const absl::Status& status) {
  error.set_code(static_cast<std::int32_t>(status.code()));
  error.set_message(std::string(status.message()));
}

void BatchAnswer::SetTooLarge(rpc::v1::KeyError& error) {
  error.set_code(static_cast<std::int32_t>(absl::StatusCode::kResourceExhausted));
  error.set_message("the entry does not fit into the answer; read it with the call for one key");
  error.set_reason(std::string(rpc::v1::kEntryTooLarge));
}

}  // namespace scaleout
