#include "service/service_program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace scaleout {
namespace {

using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

std::optional<int> Answer(const char* option) {
  const std::array<const char*, 2> argv = {"user-service", option};
  return AnswerCommandLine(2, argv.data(), {"the help", "the tables"});
}

TEST(ServiceProgram, ServesWithoutOptions) {
  const std::array<const char*, 1> argv = {"user-service"};
  EXPECT_EQ(AnswerCommandLine(1, argv.data(), {"the help", "the tables"}), std::nullopt);
}

TEST(ServiceProgram, AnswersHelpAndVersion) {
  CaptureStdout();
  EXPECT_EQ(Answer("--help"), 0);
  EXPECT_EQ(GetCapturedStdout(), "the help");
  CaptureStdout();
  EXPECT_EQ(Answer("--help=markdown"), 0);
  EXPECT_EQ(GetCapturedStdout(), "the tables");
  CaptureStdout();
  EXPECT_EQ(Answer("--version"), 0);
  EXPECT_THAT(GetCapturedStdout(), HasSubstr("."));
}

TEST(ServiceProgram, RefusesWhatItDoesNotKnow) {
  CaptureStderr();
  EXPECT_EQ(Answer("--nonsense"), 1);
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("--nonsense"));
}

TEST(ServiceProgram, ListsWhatIsWrongWithTheConfiguration) {
  CaptureStderr();
  EXPECT_EQ(ReportConfigProblems("user-service", absl::InvalidArgumentError("A\nB")), 1);
  const std::string said = GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("user-service"));
  EXPECT_THAT(said, HasSubstr("A\nB"));
}

}  // namespace
}  // namespace scaleout
