#include "service/batch_purge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <utility>
#include <vector>

namespace scaleout {
namespace {

using ::testing::ElementsAre;

class BatchPurgeTest : public ::testing::Test {
 protected:
  // Purges of so many rows, one after the other, and none after those.
  BatchPurgeOptions Deletes(std::vector<absl::StatusOr<std::int64_t>> answers) {
    return {"purge", "deleting rows",
            [this, answers = std::move(answers)](
                const CallContext& call, std::int32_t most) -> absl::StatusOr<std::int64_t> {
              EXPECT_FALSE(call.deadline.Passed(SystemClock()));
              asked_.push_back(most);
              return asked_.size() > answers.size() ? 0 : answers[asked_.size() - 1];
            }};
  }

  const std::unique_ptr<Logger> logger_ = MakeNullLogger();
  std::vector<std::int32_t> asked_;
};

TEST_F(BatchPurgeTest, GoesOnUntilABatchIsNotFull) {
  BatchPurge purge(Deletes({kPurgeBatch, kPurgeBatch, kPurgeBatch - 1}), *logger_, SystemClock());
  EXPECT_TRUE(purge.Round().ok());
  EXPECT_THAT(asked_, ElementsAre(kPurgeBatch, kPurgeBatch, kPurgeBatch));
}

TEST_F(BatchPurgeTest, EndsARoundWithTheFirstError) {
  BatchPurge purge(Deletes({kPurgeBatch, absl::UnavailableError("away")}), *logger_, SystemClock());
  EXPECT_TRUE(absl::IsUnavailable(purge.Round()));
  EXPECT_EQ(asked_.size(), 2u);
}

TEST_F(BatchPurgeTest, BeginsByItselfOnceTheTablesAreThere) {
  std::promise<void> purged;
  BatchPurge purge({"purge", "deleting rows",
                    [&](const CallContext&, std::int32_t) {
                      purged.set_value();
                      return absl::StatusOr<std::int64_t>(0);
                    }},
                   *logger_, SystemClock());
  purge.Start([] { return true; });
  EXPECT_EQ(purged.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

}  // namespace
}  // namespace scaleout
