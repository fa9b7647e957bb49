#include "services/order/charge_reports.h"

namespace scaleout::order {
namespace {

LogLevel LevelOf(ChargeEffect effect) {
  switch (effect) {
    case ChargeEffect::kMoved:
    case ChargeEffect::kUnchanged:
      return LogLevel::kDebug;
    case ChargeEffect::kIgnored:
      return LogLevel::kWarn;
    case ChargeEffect::kOrphaned:
      return LogLevel::kError;
  }
  return LogLevel::kError;
}

std::string_view TextOf(ChargeEffect effect) {
  switch (effect) {
    case ChargeEffect::kMoved:
    case ChargeEffect::kUnchanged:
      return "a charge reached its order";
    case ChargeEffect::kIgnored:
      return "a refused charge fits no reservation";
    case ChargeEffect::kOrphaned:
      return "money was taken that fits no reservation; it has to be given back by hand";
  }
  return "";
}

}  // namespace

ChargeReports::ChargeReports(Logger& logger, Metrics& metrics)
    : logger_(logger),
      orphaned_(metrics.AddCounter("orders_orphaned_captures_total",
                                   "Captured payments that fit no reservation; must stay 0")) {}

void ChargeReports::Add(std::string_view source, const Charge& charge, ChargeEffect effect) {
  if (effect == ChargeEffect::kOrphaned) orphaned_.Increment();
  const LogLevel level = LevelOf(effect);
  if (!logger_.Enabled(level)) return;
  logger_.Log(level, TextOf(effect),
              {{"effect", ChargeEffectName(effect)},
               {"source", source},
               {"orderId", charge.order_id.value()},
               {"reservationId", charge.reservation_id}});
}

}  // namespace scaleout::order
