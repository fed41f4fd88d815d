"""Rules about stock, products and the limits it is compared with."""

from inventory_assets.domain.quality.results import Severity
from inventory_assets.lake.query.clauses import FINAL_STATUSES, STOCK_KINDS, TRANSACTION, counting_versions
from inventory_assets.lake.tables import PRODUCTS, RESOLVED_THRESHOLDS, ROLLUPS, SKU_STATE, THRESHOLD_RULES
from inventory_assets.quality.judges.ledger import judge_stock
from inventory_assets.quality.rule import KEY, Rule

IMPORT = "Import them: `inventory products import FILE`."

# The version of a transaction that counts (RULES 13), and what it announces (RULES 15-16), said
# once more in SQL: what the code keeps in `inbound` is compared with something that is not the code.
_NAME = ", ".join(TRANSACTION)
# A final version has nothing under way: of most transactions no more than a name is kept.
_IS_OPEN = f"""hash({_NAME}) IN (
    SELECT hash({_NAME}) FROM core.events WHERE kind = 'transaction'
    GROUP BY {_NAME} HAVING NOT bool_or(status IN {FINAL_STATUSES}))"""
_UNDER_WAY = f"""
    SELECT CASE WHEN type = 'TRANSFER' THEN to_warehouse_id ELSE warehouse_id END AS warehouse_id, sku,
        sum(quantity) AS units
    FROM ({
    counting_versions(
        "*",
        f'''({", ".join(TRANSACTION)}) IN (
        -- A final version has nothing under way: of most transactions no more than a name is kept here.
        SELECT ({", ".join(TRANSACTION)}) FROM core.events WHERE kind = 'transaction'
        GROUP BY {", ".join(TRANSACTION)} HAVING NOT bool_or(status IN {FINAL_STATUSES}))''',
    )
})
    WHERE (type = 'TRANSFER' AND status = 'SHIPPED')
        OR (status = 'PENDING' AND quantity > 0 AND type IN ('RESTOCK', 'RETURN', 'ADJUSTMENT'))
    GROUP BY ALL"""

_INVALID = """min_threshold_qty < 0 OR reorder_threshold_qty < 0 OR min_threshold_days < 0
            OR reorder_threshold_days < 0 OR cooldown_minutes < 0
            OR min_threshold_qty > reorder_threshold_qty OR min_threshold_days > reorder_threshold_days"""

STOCK_RULES = (
    Rule(
        SKU_STATE, "no_key_lost", KEY,
        "Every key that an event names has a row.", f"""
        SELECT DISTINCT e.warehouse_id, e.sku FROM core.events e
        ANTI JOIN core.sku_state s ON s.warehouse_id = e.warehouse_id AND s.sku = e.sku
        WHERE e.kind IN {STOCK_KINDS} AND e.warehouse_id IS NOT NULL AND e.sku IS NOT NULL""",
        is_of_stock=True, is_invariant=True, is_light=True,
    ),
    Rule(
        SKU_STATE, "keys_are_unique", KEY,
        "Every key has one row.", """
        SELECT warehouse_id, sku, count(*) AS times, list(version ORDER BY version) AS versions
        FROM core.sku_state GROUP BY warehouse_id, sku HAVING count(*) > 1""",
        is_of_stock=True, is_light=True,
    ),
    Rule(
        SKU_STATE, "stock_is_complete", KEY,
        "Every key has its warehouse, its SKU and its three numbers.", """
        SELECT warehouse_id, sku, on_hand, reserved, inbound, is_active FROM core.sku_state
        WHERE warehouse_id IS NULL OR sku IS NULL OR on_hand IS NULL OR reserved IS NULL OR inbound IS NULL
            OR is_active IS NULL""",
        is_of_stock=True, is_light=True,
    ),
    Rule(
        SKU_STATE, "stock_follows_from_events", KEY,
        "Every key's stock is what all its events give when they are run anew, transfers at both ends.",
        judge=judge_stock, is_of_stock=True,
    ),
    Rule(
        SKU_STATE, "inbound_is_under_way", KEY,
        "What is inbound at a key is what open restocks, returns and shipped transfers announce.", f"""
        SELECT warehouse_id, sku, coalesce(s.inbound, 0) AS inbound, coalesce(w.units, 0)::BIGINT AS under_way
        FROM (SELECT warehouse_id, sku, inbound FROM core.sku_state) s
        FULL JOIN ({_UNDER_WAY}) w USING (warehouse_id, sku)
        WHERE coalesce(s.inbound, 0) <> coalesce(w.units, 0)""",
        is_of_stock=True,
    ),
    Rule(
        SKU_STATE, "no_stock_is_negative", KEY,
        "No key has less than zero units on hand, reserved or inbound.", """
        SELECT warehouse_id, sku, on_hand, reserved, inbound, last_event_at FROM core.sku_state
        WHERE is_active AND (on_hand < 0 OR reserved < 0 OR inbound < 0)""",
        severity=Severity.WARN, is_light=True,
        what_to_do="Count the shelf and send the level. More was booked out than was ever booked in: a restock is "
        "missing, or an order was booked twice under two ids. `inventory sql` shows the key's events.",
    ),
    # With less than nothing on hand it is `no_stock_is_negative`: one fault, one finding.
    Rule(
        SKU_STATE, "no_stock_is_over_reserved", KEY,
        "No key has more units promised than are there.", """
        SELECT warehouse_id, sku, on_hand, reserved, reserved - on_hand AS too_many, last_event_at FROM core.sku_state
        WHERE is_active AND reserved > on_hand AND on_hand >= 0""",
        severity=Severity.WARN, is_light=True,
        what_to_do="Some of these orders cannot be served: cancel or move them. If the orders are long done, their "
        "COMPLETED or CANCELLED never came.",
    ),
    Rule(
        SKU_STATE, "skus_have_product_data", ("sku",),
        "Every SKU in stock has product data.", """
        SELECT sku, count(*) AS warehouses, sum(on_hand)::BIGINT AS on_hand FROM core.sku_state s
        WHERE is_active AND NOT EXISTS (SELECT 1 FROM core.products p WHERE p.sku = s.sku) GROUP BY sku""",
        severity=Severity.WARN, is_light=True, needs=("core.products", "no product data were imported"),
        what_to_do=f"Alerts name these SKUs by number and suggest no supplier or quantity. {IMPORT}",
    ),
    Rule(
        SKU_STATE, "parents_are_known", ("sku",),
        "Every SKU in stock has its department, category, brand and product.", """
        SELECT sku, any_value(department_id) AS department_id, any_value(category_id) AS category_id,
            any_value(brand_id) AS brand_id, any_value(product_id) AS product_id, count(*) AS warehouses
        FROM core.sku_state
        WHERE is_active AND 'UNKNOWN' IN (department_id, category_id, brand_id, product_id) GROUP BY sku""",
        severity=Severity.WARN, is_light=True,
        what_to_do="Send a level with the parents' ids. Until then no rule of a department, category, brand or "
        "product reaches the SKU, and rollups count it as UNKNOWN.",
    ),
    Rule(
        PRODUCTS, "products_have_names", ("sku",),
        "Every product has its name and those of its brand, category and department.", """
        SELECT sku, product_name, brand_name, category_name, department_name FROM core.products
        WHERE product_name IS NULL OR brand_name IS NULL OR category_name IS NULL OR department_name IS NULL""",
        severity=Severity.WARN, is_light=True,
        what_to_do=f"Alerts and reports show ids instead. {IMPORT}",
    ),
    Rule(
        ROLLUPS, "rollups_equal_leaves", ("warehouse_id", "level"),
        "On every level the nodes of a warehouse sum to its active keys.", """
        WITH leaves AS (
            SELECT warehouse_id, sum(on_hand)::BIGINT AS on_hand, sum(reserved)::BIGINT AS reserved,
                sum(inbound)::BIGINT AS inbound
            FROM core.sku_state WHERE is_active GROUP BY 1
        ), nodes AS (
            SELECT warehouse_id, level, sum(on_hand)::BIGINT AS on_hand, sum(reserved)::BIGINT AS reserved,
                sum(inbound)::BIGINT AS inbound
            FROM core.rollups WHERE warehouse_id IS NOT NULL GROUP BY ALL
        )
        SELECT n.*, l.on_hand AS leaf_on_hand FROM nodes n JOIN leaves l USING (warehouse_id)
        WHERE (n.on_hand, n.reserved, n.inbound) <> (l.on_hand, l.reserved, l.inbound)""",
        is_of_stock=True, is_invariant=True, is_light=True,
    ),
    Rule(
        THRESHOLD_RULES, "rules_are_valid", ("level_type", "level_id", "warehouse_id"),
        "No threshold rule is below 0, or has its minimum above its reorder point.", f"""
        SELECT level_type, level_id, warehouse_id, min_threshold_qty, reorder_threshold_qty, min_threshold_days,
            reorder_threshold_days, cooldown_minutes, updated_at
        FROM core.threshold_rules WHERE {_INVALID}""",
        is_light=True,
        what_to_do="Set the rule anew: `inventory thresholds set`. Such a rule is refused when it comes in, "
        "so something else wrote this one: `inventory verify`.",
    ),
    Rule(
        RESOLVED_THRESHOLDS, "limits_are_valid", KEY,
        "No key's limits in force are below 0, or have their minimum above the reorder point.", f"""
        SELECT warehouse_id, sku, min_threshold_qty, reorder_threshold_qty, min_threshold_days, reorder_threshold_days,
            rule_level_type, rule_level_id, rule_warehouse_id
        FROM core.resolved_thresholds WHERE {_INVALID}""",
        severity=Severity.WARN, is_light=True,
        what_to_do="`inventory why-not WAREHOUSE SKU` says which rule they come from: mend it. "
        "If the rule is sound, `inventory verify`.",
    ),
    Rule(
        RESOLVED_THRESHOLDS, "every_key_has_limits", KEY,
        "Every key has limits in force.", """
        SELECT s.warehouse_id, s.sku FROM core.sku_state s
        ANTI JOIN core.resolved_thresholds t ON t.warehouse_id = s.warehouse_id AND t.sku = s.sku""",
        is_of_stock=True, is_light=True,
    ),
    Rule(
        RESOLVED_THRESHOLDS, "orders_reach_the_reorder_point", KEY,
        "A product is ordered up to at least its reorder point.", """
        SELECT t.warehouse_id, t.sku, p.order_up_to, t.reorder_threshold_qty, t.rule_level_type, t.rule_level_id
        FROM core.resolved_thresholds t JOIN core.products p ON p.sku = t.sku
        WHERE t.is_enabled AND p.order_up_to < t.reorder_threshold_qty""",
        severity=Severity.WARN, is_light=True,
        what_to_do="Raise order_up_to (`inventory products import`) or lower the reorder point: "
        "an order as suggested leaves the alert firing.",
    ),
)  # fmt: skip
