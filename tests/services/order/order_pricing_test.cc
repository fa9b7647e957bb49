#include "services/order/order_pricing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refused_fields.h"

namespace scaleout::order {
namespace {

using scaleout::testing::RefusedFields;
using ::testing::ElementsAre;

Product Sold(std::int64_t id, std::int64_t price, const std::string& currency = "EUR") {
  Product product;
  product.id = ProductId(id);
  product.name = "product " + std::to_string(id);
  product.price = {price, currency};
  return product;
}

TEST(OrderPricing, SumsPriceTimesQuantityInTheOrderOfTheLines) {
  const auto priced =
      PriceItems({{ProductId(2), 3}, {ProductId(1), 2}}, {Sold(1, 1000), Sold(2, 5)});
  ASSERT_TRUE(priced.ok()) << priced.status();
  EXPECT_EQ(priced->total.amount_minor, 2015);
  EXPECT_EQ(priced->total.currency, "EUR");
  ASSERT_EQ(priced->items.size(), 2u);
  EXPECT_EQ(priced->items[0].product_name, "product 2");
  EXPECT_EQ(priced->items[0].unit_price.amount_minor, 5);
}

TEST(OrderPricing, NamesEveryProductThatIsNotThere) {
  const auto priced =
      PriceItems({{ProductId(8), 1}, {ProductId(1), 1}, {ProductId(9), 1}}, {Sold(1, 1000)});
  EXPECT_TRUE(absl::IsInvalidArgument(priced.status()));
  EXPECT_THAT(RefusedFields(priced.status()),
              ElementsAre("items[0].product_id", "items[2].product_id"));
}

TEST(OrderPricing, RefusesASecondCurrency) {
  const auto priced =
      PriceItems({{ProductId(1), 1}, {ProductId(2), 1}}, {Sold(1, 1000), Sold(2, 1000, "JPY")});
  EXPECT_THAT(RefusedFields(priced.status()), ElementsAre("items[1].product_id"));
}

TEST(OrderPricing, HoldsTheLargestOrderThatTheLimitsAllow) {
  std::vector<WantedItem> wanted;
  std::vector<Product> catalog;
  for (std::int64_t id = 1; id <= 50; ++id) {
    wanted.push_back({ProductId(id), 1000});
    catalog.push_back(Sold(id, 100'000'000'000));
  }
  const auto priced = PriceItems(wanted, catalog);
  ASSERT_TRUE(priced.ok());
  EXPECT_EQ(priced->total.amount_minor, 5'000'000'000'000'000);
  EXPECT_LE(priced->total.amount_minor, kMaxId);
}

}  // namespace
}  // namespace scaleout::order
