#include "service/wall_time.h"

#include <gtest/gtest.h>

namespace scaleout {
namespace {

google::protobuf::Timestamp Converted(std::int64_t micros) {
  google::protobuf::Timestamp timestamp;
  ToProto(WallTime(std::chrono::microseconds(micros)), timestamp);
  return timestamp;
}

TEST(WallTime, KeepsMicroseconds) {
  EXPECT_EQ(Converted(1'700'000'000'123'456).seconds(), 1'700'000'000);
  EXPECT_EQ(Converted(1'700'000'000'123'456).nanos(), 123'456'000);
}

TEST(WallTime, KeepsNanosPositiveBefore1970) {
  EXPECT_EQ(Converted(-1).seconds(), -1);
  EXPECT_EQ(Converted(-1).nanos(), 999'999'000);
}

}  // namespace
}  // namespace scaleout
