#include "redis/redis_reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace scaleout {
namespace {

using ::testing::SizeIs;

// As hiredis reads it.
RedisReply Read(std::string_view resp) {
  redisReader* const reader = redisReaderCreate();
  redisReaderFeed(reader, resp.data(), resp.size());
  void* reply = nullptr;
  EXPECT_EQ(redisReaderGetReply(reader, &reply), REDIS_OK);
  EXPECT_NE(reply, nullptr) << resp;
  redisReaderFree(reader);
  return RedisReply(static_cast<redisReply*>(reply));
}

absl::StatusCode CodeOf(const std::string& error) {
  return Read("-" + error + "\r\n").status().code();
}

TEST(RedisReply, ReadsBulkStringWithAnyBytes) {
  using namespace std::string_view_literals;
  const RedisReply reply = Read("$5\r\na\0\r\nb\r\n"sv);
  EXPECT_TRUE(reply.is_text());
  EXPECT_EQ(reply.text(), "a\0\r\nb"sv);
  EXPECT_TRUE(reply.status().ok());
  EXPECT_FALSE(reply.is_nil() || reply.is_error() || reply.is_integer() || reply.is_array());
}

TEST(RedisReply, ReadsSimpleStringAsText) {
  const RedisReply reply = Read("+OK\r\n");
  EXPECT_TRUE(reply.is_text());
  EXPECT_EQ(reply.text(), "OK");
}

TEST(RedisReply, TellsEmptyTextFromNil) {
  EXPECT_TRUE(Read("$0\r\n\r\n").is_text());
  EXPECT_FALSE(Read("$0\r\n\r\n").is_nil());
  EXPECT_TRUE(Read("$-1\r\n").is_nil());
  EXPECT_FALSE(Read("$-1\r\n").is_text());
  EXPECT_TRUE(Read("*-1\r\n").is_nil());
}

TEST(RedisReply, ReadsIntegerOf64Bits) {
  const RedisReply reply = Read(":-9223372036854775807\r\n");
  EXPECT_TRUE(reply.is_integer());
  EXPECT_EQ(reply.integer(), -9223372036854775807);
}

TEST(RedisReply, ReadsNestedArrays) {
  const RedisReply reply = Read("*3\r\n:1\r\n*2\r\n$1\r\na\r\n$-1\r\n*0\r\n");
  ASSERT_TRUE(reply.is_array());
  ASSERT_THAT(reply, SizeIs(3));
  EXPECT_EQ(reply.at(0).integer(), 1);
  ASSERT_THAT(reply.at(1), SizeIs(2));
  EXPECT_EQ(reply.at(1).at(0).text(), "a");
  EXPECT_TRUE(reply.at(1).at(1).is_nil());
  EXPECT_TRUE(reply.at(2).is_array());
  EXPECT_THAT(reply.at(2), SizeIs(0));
}

TEST(RedisReply, AnswersEmptyForWhatItIsNot) {
  const RedisReply array = Read("*1\r\n:7\r\n");
  EXPECT_EQ(array.text(), "");
  EXPECT_EQ(array.integer(), 0);
  EXPECT_TRUE(array.at(1).is_nil());
  EXPECT_TRUE(array.at(0).at(0).is_nil());
  const RedisReply text = Read("$1\r\n7\r\n");
  EXPECT_EQ(text.integer(), 0);
  EXPECT_THAT(text, SizeIs(0));
  const RedisValue nil(nullptr);
  EXPECT_TRUE(nil.is_nil());
  EXPECT_FALSE(nil.is_text() || nil.is_error() || nil.is_integer() || nil.is_array());
  EXPECT_EQ(nil.text(), "");
  EXPECT_TRUE(nil.status().ok());
}

TEST(RedisReply, IsValidAfterItMoved) {
  RedisReply first = Read("$1\r\na\r\n");
  RedisReply second = std::move(first);
  EXPECT_EQ(second.text(), "a");
  second = Read("$1\r\nb\r\n");
  EXPECT_EQ(second.text(), "b");
}

TEST(RedisReply, GivesErrorAsStatusWithItsSentence) {
  const RedisReply reply = Read("-ERR wrong number of arguments\r\n");
  EXPECT_TRUE(reply.is_error());
  EXPECT_FALSE(reply.is_text());
  EXPECT_EQ(reply.text(), "ERR wrong number of arguments");
  EXPECT_EQ(reply.status(), absl::InternalError("Redis: ERR wrong number of arguments"));
}

TEST(RedisReply, ClassifiesErrorByFirstWord) {
  for (const std::string word :
       {"LOADING", "BUSY", "READONLY", "TRYAGAIN", "MASTERDOWN", "CLUSTERDOWN", "MISCONF"}) {
    EXPECT_EQ(CodeOf(word + " and why"), absl::StatusCode::kUnavailable) << word;
  }
  for (const std::string word : {"NOAUTH", "WRONGPASS", "NOPERM"}) {
    EXPECT_EQ(CodeOf(word + " and why"), absl::StatusCode::kPermissionDenied) << word;
  }
  EXPECT_EQ(CodeOf("OOM command not allowed"), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf("NOSCRIPT No matching script"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("NOSCRIPT"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("NOGROUP No such key 'k' or consumer group 'g'"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("UNBLOCKED the stream key no longer exists"), absl::StatusCode::kNotFound);
  EXPECT_EQ(CodeOf("BUSYGROUP exists"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf("BUSYKEY exists"), absl::StatusCode::kInternal);
  EXPECT_EQ(CodeOf("ERR OOM"), absl::StatusCode::kInternal);
  EXPECT_EQ(CodeOf("ERR max number of clients reached"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(""), absl::StatusCode::kInternal);
}

TEST(RedisReply, CutsLongErrorInStatus) {
  const std::string message(Read("-ERR " + std::string(10'000, 'x') + "\r\n").status().message());
  EXPECT_EQ(message, "Redis: ERR " + std::string(508, 'x'));
}

}  // namespace
}  // namespace scaleout
