#include "common/checksum.h"

#include <gtest/gtest.h>

namespace scaleout {
namespace {

TEST(Checksum, IsTheSameOnEveryReplicaAndRelease) {
  // Stored in databases and in clients' page tokens: these values must not change.
  EXPECT_EQ(ChecksumText({}), "cbf29ce484222325");
  EXPECT_EQ(ChecksumText({"scaleout", "7"}), ChecksumText({std::string("scaleout"), "7"}));
  EXPECT_EQ(ChecksumText({"scaleout"}).size(), 16u);
}

TEST(Checksum, DiffersWhereThePartsDoAndNotOnlyTheirText) {
  EXPECT_NE(Checksum({"ab", "c"}), Checksum({"a", "bc"}));
  EXPECT_NE(Checksum({"ab"}), Checksum({"ab", ""}));
  EXPECT_NE(Checksum({""}), Checksum({}));
  EXPECT_NE(Checksum({"a"}), Checksum({"b"}));
}

}  // namespace
}  // namespace scaleout
