// What a ServiceHost listens on, and the probes that ask it.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "deploy/probe/grpc_probe.h"
#include "deploy/probe/http_probe.h"
#include "service/metrics_page.h"
#include "tests/integration/service_host_fixture.h"

namespace scaleout {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::Succeed;

class ServiceListenTest : public testing::ServiceHostFixture {};

TEST_F(ServiceListenTest, TakesAwayTheSocketOfADeadProcess) {
  {
    // A socket file on which no process listens, as a killed process leaves it.
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket_.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    close(fd);
  }
  ASSERT_TRUE(fs::exists(socket_));
  ASSERT_TRUE(Start(Succeed).ok());
  EXPECT_TRUE(GetUser().ok());
}

TEST_F(ServiceListenTest, LeavesTheSocketOfALivingProcessAlone) {
  ASSERT_TRUE(Start(Succeed).ok());
  ServiceHost second(config_, logger_, *metrics_, SystemClock());
  const absl::Status status = second.Start();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("another process listens"));
  EXPECT_TRUE(GetUser().ok());
}

TEST_F(ServiceListenTest, LeavesAFileThatIsNoSocketAlone) {
  std::ofstream(socket_) << "precious";
  const absl::Status status = Start(Succeed);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(fs::is_regular_file(socket_));
}

TEST_F(ServiceListenTest, ListensOnSeveralAddressesAndOnNoPortOfAnother) {
  config_.listen.push_back("127.0.0.1:0");
  ASSERT_TRUE(Start(Succeed).ok());
  const std::string tcp = "127.0.0.1:" + std::to_string(host_->port());
  host_->SetServing(true);
  EXPECT_TRUE(ProbeGrpc(tcp, "", kPatience).ok());
  EXPECT_TRUE(ProbeGrpc(target(), "", kPatience).ok());

  ServiceConfig taken = config_;
  taken.listen = {tcp};
  ServiceHost second(taken, logger_, *metrics_, SystemClock());
  const absl::Status status = second.Start();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(tcp));
}

TEST_F(ServiceListenTest, ServesTheMetricsPageAndNothingElse) {
  const auto page = MakeMetricsPage("127.0.0.1:0", *metrics_);
  ASSERT_TRUE(page.ok()) << page.status();
  const std::string address = "127.0.0.1:" + std::to_string((*page)->port());
  EXPECT_TRUE(ProbeHttp(address + "/metrics", kPatience).ok());
  const absl::Status other = ProbeHttp(address + "/other", kPatience);
  EXPECT_THAT(std::string(other.message()), HasSubstr("404"));
  EXPECT_TRUE(absl::IsUnavailable(MakeMetricsPage(address, *metrics_).status()));
  // A client that sends nothing is cut off, and the next one served.
  const int silent = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port = htons(static_cast<in_port_t>((*page)->port()));
  ASSERT_EQ(connect(silent, reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
  EXPECT_TRUE(ProbeHttp(address + "/metrics", kPatience).ok());
  close(silent);
}

TEST_F(ServiceListenTest, RefusesToStartWithoutItsMetricsPage) {
  const auto other = MakeMetricsPage("127.0.0.1:0", *metrics_);
  ASSERT_TRUE(other.ok());
  config_.metrics_listen = "127.0.0.1:" + std::to_string((*other)->port());
  EXPECT_TRUE(absl::IsUnavailable(Start(Succeed)));
}

TEST(ProbeTest, SaysWhatIsWrong) {
  EXPECT_TRUE(absl::IsInvalidArgument(ProbeHttp("nonsense", 1s)));
  EXPECT_TRUE(absl::IsUnavailable(ProbeHttp("127.0.0.1:1/", 1s)));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ProbeGrpc("unix:/nowhere", "", 50ms)));
}

}  // namespace
}  // namespace scaleout
