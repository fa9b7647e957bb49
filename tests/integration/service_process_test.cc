// The programs themselves: how they start, what they survive, how they end.
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <pqxx/pqxx>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <future>

#include "scaleout/order/v1/order.grpc.pb.h"
#include "tests/integration/service_process_fixture.h"

namespace scaleout {
namespace {

using namespace std::chrono_literals;
using testing::ChildProcess;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::kPatience;

class ServiceProcessTest : public testing::ServiceProcessFixture {};

TEST_F(ServiceProcessTest, NamesEveryMistakeOfItsConfigurationAndExitsWithOne) {
  environment_ = {{"SERVICE_LISTEN", "nonsense"},
                  {"DB_POOL_MAX", "0"},
                  {"SERVICE_LOG_LEVLE", "info"},
                  {"PROVIDER_TIMEOUT", "30s"}};
  Start(PAYMENT_SERVICE);
  EXPECT_EQ(process_->Wait(kPatience), 1);
  const std::string said = process_->err();
  EXPECT_THAT(said, HasSubstr("SERVICE_LISTEN"));
  EXPECT_THAT(said, HasSubstr("DB_CONNINFO"));
  EXPECT_THAT(said, HasSubstr("DB_POOL_MAX"));
  EXPECT_THAT(said, HasSubstr("SERVICE_LOG_LEVEL"));
  EXPECT_THAT(said, HasSubstr("PROVIDER_LEASE"));
}

TEST_F(ServiceProcessTest, StartsBeforeItsDatabaseAndSaysThatItDoesNotServe) {
  postgres_.Stop();
  Start(USER_SERVICE);
  EXPECT_TRUE(Eventually([this] {
    return ProbeGrpc(target(), "", kPatience).code() == absl::StatusCode::kUnavailable;
  }));
  EXPECT_TRUE(absl::IsUnavailable(GetUser(1)));
  postgres_.Start();
  EXPECT_TRUE(BecomesServing()) << process_->out();
  EXPECT_TRUE(absl::IsNotFound(GetUser(1)));
  // And when it goes and comes again.
  postgres_.Stop();
  EXPECT_TRUE(Eventually([this] { return !ProbeGrpc(target(), "", kPatience).ok(); }));
  EXPECT_TRUE(absl::IsUnavailable(GetUser(1)));
  postgres_.Start();
  EXPECT_TRUE(BecomesServing()) << process_->out();
  EXPECT_TRUE(absl::IsNotFound(GetUser(1)));
}

TEST_F(ServiceProcessTest, ExitsWithOneWhenItsPoolIsMoreThanTheServerGives) {
  environment_["DB_POOL_MAX"] = "500";
  Start(ORDER_SERVICE);
  EXPECT_EQ(process_->Wait(kPatience), 1);
  EXPECT_THAT(process_->out(), HasSubstr("DB_POOL_MAX is 500"));
}

TEST_F(ServiceProcessTest, ExitsWithOneWhenAnAppliedMigrationChanged) {
  StartAndServe(USER_SERVICE);
  Ask("UPDATE schema_migrations SET checksum = 'other'");
  Start(USER_SERVICE);
  EXPECT_EQ(process_->Wait(kPatience), 1);
  EXPECT_THAT(process_->out(), HasSubstr("applied files must not change"));
}

TEST_F(ServiceProcessTest, DrainsOnSigterm) {
  environment_["SERVICE_DRAIN_GRACE"] = "1500ms";
  environment_["PROVIDER_LATENCY"] = "700ms";
  environment_["PROVIDER_TIMEOUT"] = "2s";
  StartAndServe(PAYMENT_SERVICE);
  auto running = std::async(std::launch::async, [this] { return CreatePayment(1); });
  ASSERT_TRUE(Eventually([this] { return Ask("SELECT count(*) FROM charges") == "1"; }));
  process_->Signal(SIGTERM);
  EXPECT_TRUE(
      Eventually([this] { return absl::IsUnavailable(ProbeGrpc(target(), "", kPatience)); }));
  // It still serves those who have not noticed.
  EXPECT_TRUE(CreatePayment(2).ok());
  const auto response = running.get();
  EXPECT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(process_->Wait(kPatience), 0) << process_->out() << process_->err();
}

TEST_F(ServiceProcessTest, FinishesWhatRunsWhenTheGraceIsOver) {
  environment_["SERVICE_DRAIN_GRACE"] = "0ms";
  environment_["PROVIDER_LATENCY"] = "700ms";
  environment_["PROVIDER_TIMEOUT"] = "2s";
  StartAndServe(PAYMENT_SERVICE);
  auto running = std::async(std::launch::async, [this] { return CreatePayment(1); });
  ASSERT_TRUE(Eventually([this] { return Ask("SELECT count(*) FROM charges") == "1"; }));
  process_->Signal(SIGTERM);
  const auto response = running.get();
  EXPECT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(process_->Wait(kPatience), 0) << process_->out() << process_->err();
}

TEST_F(ServiceProcessTest, EndsInTimeOnSigtermWhileItMigrates) {
  StartAndServe(USER_SERVICE);
  pqxx::connection blocker(conninfo_);
  const std::string waiting =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
      "wait_event_type = 'Lock'";
  pqxx::work lock(blocker);
  lock.exec("LOCK TABLE schema_migrations IN ACCESS EXCLUSIVE MODE");
  Start(USER_SERVICE);
  ASSERT_TRUE(Eventually([&] { return Ask(waiting) == "1"; }));
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(5s), 0) << process_->out() << process_->err();
}

TEST_F(ServiceProcessTest, DoesNotWaitForAClientThatDoesNotListen) {
  environment_["SERVICE_DRAIN_TIMEOUT"] = "10m";
  StartAndServe(USER_SERVICE);
  // The client's half of HTTP/2's greeting, and then silence, as from a process that is frozen.
  const int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (directory_ / "s").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(connect(silent, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const std::string greeting =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\x04\0\0\0\0\0", 9);
  ASSERT_EQ(write(silent, greeting.data(), greeting.size()), static_cast<ssize_t>(greeting.size()));
  // The server's half says that the connection stands.
  char byte = 0;
  ASSERT_EQ(read(silent, &byte, 1), 1);
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(kPatience), 0) << process_->out();
  close(silent);
}

TEST_F(ServiceProcessTest, ExitsAtOnceOnASecondSigterm) {
  environment_["SERVICE_DRAIN_GRACE"] = "60s";
  StartAndServe(USER_SERVICE);
  process_->Signal(SIGTERM);
  ASSERT_TRUE(Eventually([this] { return process_->out().find("draining") != std::string::npos; }));
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(kPatience), 1);
}

TEST_F(ServiceProcessTest, CancelsTheStatementInPostgresWhenTheClientsDeadlinePasses) {
  StartAndServe(USER_SERVICE);
  pqxx::connection blocker(conninfo_);
  pqxx::work lock(blocker);
  lock.exec("LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
  const MonotonicTime start = SystemClock().Now();
  EXPECT_TRUE(absl::IsDeadlineExceeded(GetUser(1, 50ms)));
  const std::string waiting =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
      "wait_event_type = 'Lock'";
  EXPECT_TRUE(Eventually([&] { return Ask(waiting) == "0"; }));
  // The lock is held all the while.
  EXPECT_LT(SystemClock().Now() - start, kPatience / 2);
}

TEST_F(ServiceProcessTest, KeepsEveryAcknowledgedUserThroughKillNine) {
  StartAndServe(USER_SERVICE);
  std::vector<std::int64_t> acknowledged;
  auto writer = std::async(std::launch::async, [&] {
    for (int i = 0; i < 10'000; ++i) {
      const auto made = CreateUser("user" + std::to_string(i) + "@example.com");
      if (!made.ok()) return;
      acknowledged.push_back(made->id());
    }
  });
  ASSERT_TRUE(Eventually([this] { return std::stoi(Ask("SELECT count(*) FROM users")) > 20; }));
  process_->Signal(SIGKILL);
  writer.wait();
  StartAndServe(USER_SERVICE);
  ASSERT_GT(acknowledged.size(), 10u);
  for (const std::int64_t id : acknowledged) EXPECT_TRUE(GetUser(id).ok()) << id;
}

TEST_F(ServiceProcessTest, RecoversAPaymentThatWasChargedButNotRecorded) {
  environment_["PROVIDER_LATENCY"] = "0ms";
  environment_["PROVIDER_TIMEOUT"] = "1s";
  environment_["PROVIDER_LEASE"] = "3s";
  environment_["LAB_FAULTS"] = "on";
  environment_["FAULT"] = "after_charge:exit";
  StartAndServe(PAYMENT_SERVICE);
  EXPECT_TRUE(absl::IsUnavailable(CreatePayment().status()));
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "1");
  EXPECT_EQ(Ask("SELECT state FROM payments"), "AUTHORIZED");
  environment_.erase("FAULT");
  StartAndServe(PAYMENT_SERVICE);
  absl::StatusOr<payment::v1::CreatePaymentResponse> retried;
  EXPECT_TRUE(Eventually([&] {
    retried = CreatePayment();
    return retried.ok();
  })) << retried.status();
  EXPECT_EQ(retried->payment().status(), payment::v1::PAYMENT_STATUS_CAPTURED);
  EXPECT_EQ(Ask("SELECT count(*) FROM simulated_provider_charges"), "1");
  EXPECT_EQ(Ask("SELECT state FROM payments"), "CAPTURED");
}

TEST_F(ServiceProcessTest, SeedsInSecondsAndServesWhatItSeeded) {
  environment_["SERVICE_SEED_DEMO_DATA"] = "on";
  StartAndServe(ORDER_SERVICE);
  const auto stub = order::v1::OrderService::NewStub(Channel());
  order::v1::BatchListOrdersRequest request;
  for (const int id : {1000, 1}) request.add_keys()->set_user_id(id);
  request.set_page_size(3);
  order::v1::BatchListOrdersResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->BatchListOrders(&context, testing::ByLab(request), &response).ok());
  ASSERT_EQ(response.entries_size(), 2);
  EXPECT_EQ(response.entries(1).order_list().orders_size(), 3);
  EXPECT_EQ(response.entries(1).order_list().orders(0).user_id(), 1);
  // The entry's token continues in the plain list of that user.
  order::v1::ListOrdersRequest rest;
  rest.set_user_id(1);
  rest.set_page_token(response.entries(1).order_list().next_page_token());
  order::v1::ListOrdersResponse listed;
  grpc::ClientContext second;
  ASSERT_TRUE(stub->ListOrders(&second, testing::ByLab(rest), &listed).ok());
  EXPECT_EQ(listed.orders_size(), 2);
  EXPECT_EQ(listed.next_page_token(), "");
}

// What the reflection service answers to "list the services", asked without a stub.
grpc::Status ListServices(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  const grpc::Slice list_services(std::string("\x3a\x00", 2));
  grpc::CompletionQueue queue;
  const auto rpc = stub.PrepareUnaryCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      grpc::ByteBuffer(&list_services, 1), &queue);
  rpc->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  rpc->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  return status;
}

TEST_F(ServiceProcessTest, DescribesItsApiUnlessReflectionIsOff) {
  StartAndServe(USER_SERVICE);
  EXPECT_TRUE(ListServices(Channel()).ok());
  environment_["SERVICE_REFLECTION"] = "off";
  StartAndServe(USER_SERVICE);
  EXPECT_EQ(ListServices(Channel()).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(ServiceProcessTest, RefusesAConnectionStringWithAPasswordAndDoesNotPrintIt) {
  environment_["DB_CONNINFO"] = "postgresql://u:s3cret@h/db";
  Start(USER_SERVICE);
  EXPECT_EQ(process_->Wait(kPatience), 1);
  EXPECT_THAT(process_->err(), HasSubstr("DB_CONNINFO: holds a value for password"));
  EXPECT_EQ((process_->out() + process_->err()).find("s3cret"), std::string::npos);
}

TEST_F(ServiceProcessTest, EveryProgramAnswersHelpAndVersionAndRefusesAnUnknownOption) {
  for (const char* program : {SERVICE_PROGRAMS}) {
    SCOPED_TRACE(program);
    ChildProcess help({program, "--help"}, {}, directory_);
    EXPECT_EQ(help.Wait(kPatience), 0);
    EXPECT_THAT(help.out(), HasSubstr("DB_POOL_WAIT"));
    ChildProcess version({program, "--version"}, {}, directory_);
    EXPECT_EQ(version.Wait(kPatience), 0);
    ChildProcess nonsense({program, "--nonsense"}, {}, directory_);
    EXPECT_EQ(nonsense.Wait(kPatience), 1);
  }
}

}  // namespace
}  // namespace scaleout
