#include "common/grpc_log.h"

#include <grpc/support/log.h>
#include <gtest/gtest.h>

#include <optional>

#include "tests/support/fake_logger.h"

namespace scaleout {
namespace {

TEST(GrpcLog, SendsGrpcsLinesToTheLoggerWhileItLives) {
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);  // as grpc_init does
  testing::FakeLogger logger;
  {
    const GrpcLog log(logger);
    for (int i = 0; i < 10; ++i)
      gpr_log("/src/core/socket.cc", 42, GPR_LOG_SEVERITY_ERROR, "no %d", 7);
  }
  gpr_log("socket.cc", 43, GPR_LOG_SEVERITY_ERROR, "to stderr again");
  ASSERT_EQ(logger.CountOf("grpc"), 1U) << "at most one each 100 ms";
  const std::optional<testing::LoggedLine> line = logger.Find("grpc");
  EXPECT_EQ(line->level, LogLevel::kError);
  EXPECT_EQ(line->fields.at("detail"), "no 7");
  EXPECT_EQ(line->fields.at("file"), "socket.cc");
  EXPECT_EQ(line->fields.at("line"), "42");
  EXPECT_EQ(line->fields.at("heldBack"), "0");
}

}  // namespace
}  // namespace scaleout
