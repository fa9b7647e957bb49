#include "gateway/handlers/product_handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/http/problem.h"
#include "tests/support/fake_backends.h"
#include "tests/support/refused_fields.h"
#include "tests/support/request_fixture.h"
#include "tests/support/running_task.h"

namespace scaleout::gateway {
namespace {

using ::testing::ElementsAre;
using testing::RefusedFields;
using testing::RunningTask;
using testing::TestRequest;
using Answer = absl::StatusOr<Response>;

class ProductHandlersTest : public ::testing::Test {
 protected:
  using Verb = Task<Answer> (ProductHandlers::*)(RequestContext&, const Request&);

  Answer Ask(Verb verb, const TestRequest& request) {
    RunningTask<Answer> running((handlers_.*verb)(fixture_.context, request));
    return running.value();
  }

  testing::RequestFixture fixture_;
  testing::FakeProductBackend backend_;
  ProductHandlers handlers_{backend_};
};

TEST_F(ProductHandlersTest, GetsAProduct) {
  order::v1::GetProductResponse found;
  found.mutable_product()->set_id(3);
  found.mutable_product()->set_name("Lamp");
  backend_.get_product.Answers(found);
  TestRequest request;
  request.Path("id", "3");
  const Answer answer = Ask(&ProductHandlers::Get, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, R"({"id":3,"name":"Lamp","price":{"amount":0,"currency":""},)"
                          R"("createdAt":"1970-01-01T00:00:00Z"})");
  EXPECT_EQ(backend_.get_product.asked().at(0).product_id(), 3);
}

TEST_F(ProductHandlersTest, ListsProducts) {
  backend_.list_products.Answers(order::v1::ListProductsResponse());
  TestRequest request;
  request.Query("page_token", "t");
  const Answer answer = Ask(&ProductHandlers::List, request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, R"({"items":[],"nextPageToken":""})");
  EXPECT_EQ(backend_.list_products.asked().at(0).page_size(), 20);
  EXPECT_EQ(backend_.list_products.asked().at(0).page_token(), "t");
}

TEST_F(ProductHandlersTest, NamesTheFieldsThatTheServiceRefusesAsTheClientDoes) {
  backend_.get_product.Answers(CheckFields({{"product_id", "a"}}));
  backend_.list_products.Answers(CheckFields({{"page_size", "a"}, {"page_token", "b"}}));
  TestRequest request;
  request.Path("id", "3");
  EXPECT_THAT(RefusedFields(Ask(&ProductHandlers::Get, request).status()), ElementsAre("/id"));
  EXPECT_THAT(RefusedFields(Ask(&ProductHandlers::List, request).status()),
              ElementsAre("/page_size", "/page_token"));
}

TEST_F(ProductHandlersTest, RefusesBadParameters) {
  TestRequest request;
  request.Path("id", "-3").Query("q", "lamp");
  EXPECT_EQ(HttpStatusOf(Ask(&ProductHandlers::Get, request).status()), 422);
  EXPECT_EQ(HttpStatusOf(Ask(&ProductHandlers::List, request).status()), 422);
}

TEST_F(ProductHandlersTest, ForwardsTheBackendsErrors) {
  const absl::Status gone = absl::NotFoundError("There is no product 3.");
  backend_.get_product.Answers(gone);
  backend_.list_products.Answers(gone);
  TestRequest request;
  request.Path("id", "3");
  EXPECT_EQ(Ask(&ProductHandlers::Get, request).status(), gone);
  EXPECT_EQ(Ask(&ProductHandlers::List, request).status(), gone);
}

}  // namespace
}  // namespace scaleout::gateway
