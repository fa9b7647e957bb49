#include "gateway/http/input_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace scaleout::gateway {
namespace {

TEST(InputBuffer, HoldsWhatWasAppendedAndNotConsumed) {
  InputBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  buffer.Append("one ");
  buffer.Append("two");
  buffer.Consume(2);
  EXPECT_EQ(buffer.view(), "e two");
  buffer.Append(" three");
  EXPECT_EQ(buffer.view(), "e two three");
  EXPECT_EQ(buffer.size(), 11U);
  buffer.Consume(11);
  EXPECT_TRUE(buffer.empty());
  buffer.Append("x");
  EXPECT_EQ(buffer.view(), "x");
}

TEST(InputBuffer, ConsumesWithoutMovingWhatIsLeft) {
  InputBuffer buffer;
  buffer.Append(std::string(1000, 'x'));
  const char* const begin = buffer.view().data();
  for (std::size_t used = 1; used < 1000; ++used) {
    buffer.Consume(1);
    ASSERT_EQ(buffer.view().data(), begin + used);
  }
}

TEST(InputBuffer, MovesWhatIsLeftOnlyOnceHalfIsConsumed) {
  InputBuffer buffer;
  buffer.Append(std::string(100, 'x'));
  buffer.Append("");
  const char* const begin = buffer.view().data();
  buffer.Consume(49);
  buffer.Append("");
  EXPECT_EQ(buffer.view().data(), begin + 49);
  buffer.Consume(1);
  buffer.Append("");
  EXPECT_EQ(buffer.view().data(), begin) << "or a buffer that is never empty would grow for ever";
  EXPECT_EQ(buffer.size(), 50U);
}

TEST(InputBuffer, GivesTheMemoryOfALargeRequestBack) {
  InputBuffer buffer;
  buffer.Append(std::string(1 << 20, 'x'));
  buffer.Consume(1 << 20);
  EXPECT_LE(buffer.capacity(), kKeptBufferBytes);
  buffer.Append(std::string(1 << 20, 'x'));
  buffer.Clear();
  EXPECT_LE(buffer.capacity(), kKeptBufferBytes);
}

TEST(InputBuffer, KeepsTheMemoryOfSmallRequests) {
  InputBuffer buffer;
  buffer.Append(std::string(kKeptBufferBytes / 2, 'x'));
  const std::size_t capacity = buffer.capacity();
  buffer.Consume(kKeptBufferBytes / 2);
  EXPECT_EQ(buffer.capacity(), capacity);
}

}  // namespace
}  // namespace scaleout::gateway
