#include "services/order/product_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refused_fields.h"

namespace scaleout::order {
namespace {

using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;

// Products 1 to 5.
class FakeProducts final : public ProductRepository {
 public:
  absl::StatusOr<Product> Get(const CallContext&, ProductId id) override {
    if (id.value() > 5) return absl::NotFoundError("no product");
    Product product;
    product.id = id;
    product.name = "Lamp";
    product.price = {1999, "EUR"};
    return product;
  }
  absl::StatusOr<std::vector<Product>> FindMany(const CallContext& call,
                                                const std::vector<ProductId>& ids) override {
    ++batches;
    std::vector<Product> found;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) {
      const absl::StatusOr<Product> product = Get(call, *id);
      if (product.ok()) found.push_back(*product);
    }
    return found;
  }
  absl::StatusOr<std::vector<Product>> List(const CallContext& call, std::optional<ProductId> after,
                                            int limit) override {
    std::vector<Product> products;
    for (std::int64_t id = after ? after->value() + 1 : 1; id <= 5; ++id) {
      if (static_cast<int>(products.size()) < limit) products.push_back(*Get(call, ProductId(id)));
    }
    return products;
  }

  int batches = 0;
};

class ProductServiceTest : public ::testing::Test {
 protected:
  FakeProducts products_;
  ProductService service_{products_};
  const CallContext call_;
};

TEST_F(ProductServiceTest, ReadsOne) {
  v1::GetProductRequest request;
  v1::GetProductResponse response;
  EXPECT_THAT(RefusedFields(service_.GetProduct(call_, request, response)),
              ElementsAre("product_id"));
  request.set_product_id(3);
  ASSERT_TRUE(service_.GetProduct(call_, request, response).ok());
  EXPECT_EQ(response.product().id(), 3);
  EXPECT_EQ(response.product().price().amount_minor(), 1999);
  request.set_product_id(6);
  EXPECT_TRUE(absl::IsNotFound(service_.GetProduct(call_, request, response)));
}

TEST_F(ProductServiceTest, AnswersABatchInTheOrderOfItsKeysWithAnErrorForEachAbsentProduct) {
  v1::BatchGetProductsRequest request;
  for (const int id : {5, 9, 1, 5}) request.add_keys()->set_product_id(id);
  v1::BatchGetProductsResponse response;
  ASSERT_TRUE(service_.BatchGetProducts(call_, request, response).ok());
  EXPECT_EQ(products_.batches, 1);
  ASSERT_EQ(response.entries_size(), 4);
  EXPECT_EQ(response.entries(0).product().id(), 5);
  EXPECT_EQ(response.entries(1).error().code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(response.entries(1).error().message(), "there is no product 9");
  EXPECT_EQ(response.entries(2).product().price().amount_minor(), 1999);
  EXPECT_EQ(response.entries(3).product().id(), 5);
  request.add_keys()->set_product_id(-1);
  EXPECT_THAT(RefusedFields(service_.BatchGetProducts(call_, request, response)),
              ElementsAre("keys[4].product_id"));
}

TEST_F(ProductServiceTest, WalksThroughTheCatalogById) {
  v1::ListProductsRequest request;
  request.set_page_size(3);
  v1::ListProductsResponse first;
  ASSERT_TRUE(service_.ListProducts(call_, request, first).ok());
  EXPECT_EQ(first.products_size(), 3);
  request.set_page_token(first.next_page_token());
  v1::ListProductsResponse second;
  ASSERT_TRUE(service_.ListProducts(call_, request, second).ok());
  ASSERT_EQ(second.products_size(), 2);
  EXPECT_EQ(second.products(0).id(), 4);
  EXPECT_EQ(second.next_page_token(), "");
  request.set_page_token("nonsense");
  EXPECT_THAT(RefusedFields(service_.ListProducts(call_, request, second)),
              ElementsAre("page_token"));
}

}  // namespace
}  // namespace scaleout::order
