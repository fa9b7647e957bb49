-- Whatever changes a product, by hand too, adds its event to the outbox, in the same transaction (services/order/order_events.h). An
-- UPDATE that leaves a row as it was adds none; TRUNCATE, which no trigger for rows sees, adds none either.
CREATE FUNCTION publish_product_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO outbox (kind, aggregate_id, type, payload)
  SELECT DISTINCT 'product', changed.id, 'product.changed', format('{"productId":"%s"}', changed.id)
  FROM (VALUES (OLD.id), (NEW.id)) AS changed (id)
  WHERE changed.id IS NOT NULL;
  RETURN NULL;
END
$$;
CREATE TRIGGER products_publish_rows AFTER INSERT OR DELETE ON products
FOR EACH ROW EXECUTE FUNCTION publish_product_change();
CREATE TRIGGER products_publish_changes AFTER UPDATE ON products
FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION publish_product_change();
