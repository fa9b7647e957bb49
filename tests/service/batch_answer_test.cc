#include "service/batch_answer.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "proto/scaleout/rpc/v1/request_limits.h"
#include "scaleout/order/v1/order.pb.h"

namespace scaleout {
namespace {

using Response = order::v1::BatchListOrdersResponse;

// The answer of `keys` entries, each of at least `entry_bytes`.
Response Answer(std::size_t keys, std::size_t entry_bytes) {
  Response response;
  BatchAnswer answer(keys);
  for (std::size_t i = 0; i < keys; ++i) {
    Response::Entry& entry = *response.add_entries();
    entry.mutable_order_list()->set_next_page_token(std::string(entry_bytes, 't'));
    answer.Bound(entry);
  }
  return response;
}

int CountErrors(const Response& response) {
  int errors = 0;
  for (const Response::Entry& entry : response.entries()) errors += entry.has_error() ? 1 : 0;
  return errors;
}

TEST(BatchAnswer, LeavesEntriesThatFit) {
  EXPECT_EQ(CountErrors(Answer(rpc::v1::kMaxBatchKeys, 48'000)), 0);
  EXPECT_EQ(CountErrors(Answer(1, rpc::v1::kMaxBatchAnswerBytes - 1024)), 0);
}

TEST(BatchAnswer, StaysWithinItsLimitWhateverTheSizeOfTheEntries) {
  for (const std::size_t bytes : {1u << 10, 50'000u, 1u << 16, 1u << 20, 3u << 20, 4u << 20}) {
    for (const std::size_t keys : {std::size_t{1}, std::size_t{3}, rpc::v1::kMaxBatchKeys}) {
      const Response response = Answer(keys, bytes);
      EXPECT_EQ(static_cast<std::size_t>(response.entries_size()), keys);
      EXPECT_LE(response.ByteSizeLong(), rpc::v1::kMaxBatchAnswerBytes) << keys << " x " << bytes;
    }
  }
}

TEST(BatchAnswer, StaysWithinItsLimitWhenOneEntryTakesAllButTheErrorsOfTheOthers) {
  const auto answer_of = [](std::size_t first_bytes) {
    Response response;
    BatchAnswer answer(rpc::v1::kMaxBatchKeys);
    for (std::size_t i = 0; i < rpc::v1::kMaxBatchKeys; ++i) {
      Response::Entry& entry = *response.add_entries();
      const std::size_t bytes = i == 0 ? first_bytes : rpc::v1::kMaxBatchAnswerBytes / 32;
      entry.mutable_order_list()->set_next_page_token(std::string(bytes, 't'));
      answer.Bound(entry);
    }
    return response;
  };
  // The largest first entry that fits, by bisection.
  std::size_t fits = 0;
  std::size_t too_large = rpc::v1::kMaxBatchAnswerBytes;
  while (too_large - fits > 1) {
    const std::size_t middle = (fits + too_large) / 2;
    const Response response = answer_of(middle);
    EXPECT_LE(response.ByteSizeLong(), rpc::v1::kMaxBatchAnswerBytes) << middle;
    (response.entries(0).has_error() ? too_large : fits) = middle;
  }
  EXPECT_EQ(CountErrors(answer_of(fits)), static_cast<int>(rpc::v1::kMaxBatchKeys) - 1);
}

TEST(BatchAnswer, ReplacesAnEntryThatDoesNotFitByAnError) {
  Response response;
  BatchAnswer answer(3);
  for (const std::size_t bytes : {2u << 20, 2u << 20, 1u << 19}) {
    Response::Entry& entry = *response.add_entries();
    entry.mutable_order_list()->set_next_page_token(std::string(bytes, 't'));
    answer.Bound(entry);
  }
  EXPECT_TRUE(response.entries(0).has_order_list());
  ASSERT_TRUE(response.entries(1).has_error());
  const rpc::v1::KeyError& error = response.entries(1).error();
  EXPECT_EQ(error.code(), static_cast<int>(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(error.reason(), rpc::v1::kEntryTooLarge);
  EXPECT_NE(error.message(), "");
  // A smaller one after it fits again.
  EXPECT_TRUE(response.entries(2).has_order_list());
}

}  // namespace
}  // namespace scaleout
