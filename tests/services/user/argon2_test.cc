#include "services/user/argon2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <optional>
#include <string>

#include "services/user/random_bytes.h"

namespace scaleout::user {
namespace {

using ::testing::Optional;

constexpr HashCost kTiny{1, 8192};

class Argon2Test : public ::testing::Test {
 protected:
  Argon2Test() { StartSodium(); }
};

TEST_F(Argon2Test, TellsThePasswordOfAHashFromOthers) {
  const std::optional<std::string> hash = MakeArgon2(kTiny, "correct horse battery");
  ASSERT_TRUE(hash);
  EXPECT_THAT(MatchesArgon2(*hash, "correct horse battery"), Optional(true));
  EXPECT_THAT(MatchesArgon2(*hash, "correct horse batterx"), Optional(false));
  EXPECT_THAT(MatchesArgon2(*hash, ""), Optional(false));
}

// Both ways, so that neither this code nor a new libsodium locks users out.
TEST_F(Argon2Test, AgreesWithLibsodium) {
  for (const HashCost& cost : {kTiny, HashCost{3, 65536}, kHashCost}) {
    const std::string hash = *MakeArgon2(cost, "correct horse battery");
    EXPECT_EQ(crypto_pwhash_str_verify(hash.c_str(), "correct horse battery", 21), 0);
    EXPECT_THAT(MatchesArgon2(hash, "correct horse battery"), Optional(true));
  }
}

TEST_F(Argon2Test, DummyHashIsOfItsCostAndOfNoPassword) {
  const std::string dummy = DummyArgon2(kTiny);
  EXPECT_FALSE(HasOtherCost(dummy, kTiny));
  EXPECT_TRUE(HasOtherCost(dummy, kHashCost));
  EXPECT_THAT(MatchesArgon2(dummy, "correct horse battery"), Optional(false));
}

TEST_F(Argon2Test, WhatHasAnotherFormIsTheHashOfNoPassword) {
  const std::string salt = "AAAAAAAAAAAAAAAAAAAAAA";
  const std::string hash(43, 'A');
  for (const std::string& bad :
       {std::string(), std::string("not a hash"), std::string("$argon2id$v=19$m="),
        "$argon2i$v=19$m=8,t=1,p=1$" + salt + "$" + hash,
        "$argon2id$v=16$m=8,t=1,p=1$" + salt + "$" + hash,
        "$argon2id$v=19$m=8,t=1,p=2$" + salt + "$" + hash,
        "$argon2id$v=19$m=-8,t=1,p=1$" + salt + "$" + hash,
        "$argon2id$v=19$m=99999999999999999999,t=1,p=1$" + salt + "$" + hash,
        "$argon2id$v=19$m=18014398509481984,t=1,p=1$" + salt + "$" + hash,
        "$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + hash,
        "$argon2id$v=19$m=8,t=0,p=1$" + salt + "$" + hash,
        "$argon2id$v=19$m=8,t=1,p=1$" + salt + hash,
        "$argon2id$v=19$m=8,t=1,p=1$" + salt + "A$" + hash,
        "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash + "A",
        "$argon2id$v=19$m=8,t=1,p=1$" + salt + "$" + hash.substr(1)}) {
    EXPECT_THAT(MatchesArgon2(bad, "correct horse battery"), Optional(false)) << bad;
  }
}

}  // namespace
}  // namespace scaleout::user
