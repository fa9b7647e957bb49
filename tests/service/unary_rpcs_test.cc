#include "service/unary_rpcs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scaleout/order/v1/product.pb.h"

namespace scaleout {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kProducts = "scaleout.order.v1.ProductService";
const RpcSignature kGet = {"GetProduct", order::v1::GetProductRequest::descriptor(),
                           order::v1::GetProductResponse::descriptor()};
const RpcSignature kBatch = {"BatchGetProducts", order::v1::BatchGetProductsRequest::descriptor(),
                             order::v1::BatchGetProductsResponse::descriptor()};
const RpcSignature kList = {"ListProducts", order::v1::ListProductsRequest::descriptor(),
                            order::v1::ListProductsResponse::descriptor()};

TEST(UnaryRpcs, AgreeWithAContractWhoseEveryRpcIsServedOnce) {
  EXPECT_THAT(FindContractViolations(kProducts, {kGet, kBatch, kList}), IsEmpty());
  EXPECT_THAT(FindContractViolations(kProducts, {kList, kGet, kBatch}), IsEmpty());
}

TEST(UnaryRpcs, NameEveryRpcThatIsMissingOrServedTwice) {
  EXPECT_THAT(FindContractViolations(kProducts, {kGet, kBatch}),
              ElementsAre(kProducts + "/ListProducts must be served by one method"));
  EXPECT_THAT(FindContractViolations(kProducts, {kGet, kGet, kBatch, kList}),
              ElementsAre(kProducts + "/GetProduct must be served by one method"));
}

TEST(UnaryRpcs, NameAnRpcThatTheContractDoesNotHave) {
  EXPECT_THAT(FindContractViolations(kProducts,
                                     {kGet, kBatch, kList, {"Get", kGet.request, kGet.response}}),
              ElementsAre(kProducts + " has no RPC Get"));
  EXPECT_THAT(FindContractViolations("scaleout.Nothing", {}),
              ElementsAre("there is no contract scaleout.Nothing"));
}

TEST(UnaryRpcs, NameAnRpcWithOtherMessages) {
  EXPECT_THAT(FindContractViolations(
                  kProducts, {kGet, kBatch, {"ListProducts", kGet.request, kList.response}}),
              ElementsAre(kProducts + "/ListProducts has other messages"));
  EXPECT_THAT(FindContractViolations(
                  kProducts, {kGet, kBatch, {"ListProducts", kList.request, kGet.response}}),
              ElementsAre(kProducts + "/ListProducts has other messages"));
}

TEST(UnaryRpcs, EndTheProcessIfTheListDoesNotAgreeWithTheContract) {
  EXPECT_DEATH(RequireContract(kProducts, {kGet, kBatch}),
               "ListProducts must be served by one method");
  RequireContract(kProducts, {kGet, kBatch, kList});
}

}  // namespace
}  // namespace scaleout
