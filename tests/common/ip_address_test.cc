#include "common/ip_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <random>
#include <string>

namespace scaleout {
namespace {

IpAddress Address(std::string_view text) { return IpAddress::Parse(text).value(); }
IpNetwork Network(std::string_view text) { return IpNetwork::Parse(text).value(); }

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const char* const text :
       {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2"}) {
    ASSERT_TRUE(IpAddress::Parse(text)) << text;
    EXPECT_EQ(Address(text).ToString(), text);
  }
  EXPECT_EQ(Address("2001:DB8:0:0:0:0:0:1"), Address("2001:db8::1"));
  EXPECT_EQ(IpAddress(), Address("::"));
}

TEST(IpAddress, TakesAnIpv4AddressForWhatMapsIt) {
  EXPECT_EQ(Address("::ffff:192.0.2.1"), Address("192.0.2.1"));
  EXPECT_EQ(Address("::ffff:c000:201").ToString(), "192.0.2.1");
  EXPECT_TRUE(Address("::ffff:c000:201").IsIpv4());
  EXPECT_FALSE(Address("::c000:201").IsIpv4());
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const char* const text : {"",
                                 " ",
                                 "1",
                                 "1.2.3",
                                 "1.2.3.4.5",
                                 "256.0.0.1",
                                 "1.2.3.4 ",
                                 " 1.2.3.4",
                                 "0x1.2.3.4",
                                 "01.2.3.4",
                                 "1.2.3.4:80",
                                 "[::1]",
                                 "[::1]:80",
                                 "::1%lo",
                                 "fe80::1%1",
                                 ":::",
                                 "1::2::3",
                                 "12345::",
                                 "localhost",
                                 "unknown",
                                 "_hidden",
                                 "1.2.3.4/8",
                                 "0:0:0:0:0:0:0:0:0",
                                 "0000:0000:0000:0000:0000:ffff:255.255.255.2550"}) {
    EXPECT_FALSE(IpAddress::Parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0", 8)));
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0.5", 10)));
  EXPECT_FALSE(IpAddress::Parse(std::string(100'000, '1')));
}

TEST(IpAddress, SurvivesWhateverItIsGiven) {
  std::mt19937 random(7);
  const std::string_view alphabet = "0123456789abcdefABCDEF.:/%[] \t\n\0x\xff";
  for (int i = 0; i < 200'000; ++i) {
    std::string text(random() % 50, '\0');
    for (char& c : text) c = alphabet[random() % alphabet.size()];
    const std::optional<IpAddress> address = IpAddress::Parse(text);
    if (address) {
      EXPECT_EQ(IpAddress::Parse(address->ToString()), address) << text;
    }
    IpNetwork::Parse(text);
  }
}

TEST(IpAddress, ComesFromTheAddressOfASocket) {
  sockaddr_storage storage{};
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ::inet_pton(AF_INET, "192.0.2.1", &ipv4.sin_addr);
  std::memcpy(&storage, &ipv4, sizeof ipv4);
  EXPECT_EQ(IpAddress::FromSocketAddress(storage), Address("192.0.2.1"));

  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  ::inet_pton(AF_INET6, "2001:db8::1", &ipv6.sin6_addr);
  std::memcpy(&storage, &ipv6, sizeof ipv6);
  EXPECT_EQ(IpAddress::FromSocketAddress(storage), Address("2001:db8::1"));

  storage.ss_family = AF_UNIX;
  EXPECT_FALSE(IpAddress::FromSocketAddress(storage));
}

TEST(IpAddress, KeepsItsPrefix) {
  EXPECT_EQ(Address("2001:db8:1:2:3:4:5:6").Prefix(64), Address("2001:db8:1:2::"));
  EXPECT_EQ(Address("ffff:ffff::").Prefix(13), Address("fff8::"));
  EXPECT_EQ(Address("2001:db8::1").Prefix(128), Address("2001:db8::1"));
  EXPECT_EQ(Address("2001:db8::1").Prefix(0), IpAddress());
}

TEST(IpNetwork, ContainsItsAddressesAndNoOthers) {
  EXPECT_TRUE(Network("10.0.0.0/8").Contains(Address("10.255.0.1")));
  EXPECT_TRUE(Network("10.0.0.0/8").Contains(Address("::ffff:10.0.0.1")));
  EXPECT_FALSE(Network("10.0.0.0/8").Contains(Address("11.0.0.0")));
  EXPECT_FALSE(Network("10.0.0.0/8").Contains(Address("a00::")));
  EXPECT_TRUE(Network("0.0.0.0/0").Contains(Address("203.0.113.9")));
  EXPECT_FALSE(Network("0.0.0.0/0").Contains(Address("::1"))) << "of IPv4 all, of IPv6 nothing";
  EXPECT_TRUE(Network("::/0").Contains(Address("203.0.113.9")));
  EXPECT_TRUE(Network("2001:db8::/33").Contains(Address("2001:db8:7fff::1")));
  EXPECT_FALSE(Network("2001:db8::/33").Contains(Address("2001:db8:8000::1")));
  EXPECT_TRUE(Network("127.0.0.1").Contains(Address("127.0.0.1")));
  EXPECT_FALSE(Network("127.0.0.1").Contains(Address("127.0.0.2")));
  EXPECT_TRUE(Network("::ffff:10.0.0.0/104").Contains(Address("10.1.2.3")));
}

TEST(IpNetwork, RefusesWhatIsNoNetwork) {
  for (const char* const text :
       {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8",
        "10.0.0.0/8/8", "10.0.0.0/8x", "10.0.0.1/8", "::/129", "2001:db8::1/64", "10.0.0/8",
        "10.0.0.0/99999999999"}) {
    EXPECT_FALSE(IpNetwork::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace scaleout
