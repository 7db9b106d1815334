-- Why: whoever asks about a SKU finds out at once whether its code may be written in several ways;
--      of the SKUs of most ledgers that is true of none.
-- Locks: writes to `catalog_skus`, as long as it takes to look through it. Deploy: before.
create index catalog_skus_spelled on projections.catalog_skus (shard, sku)
    where case_policy <> 'exact';
