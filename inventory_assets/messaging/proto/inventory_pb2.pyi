from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InventoryEvent(_message.Message):
    __slots__ = ("item_id", "adjustment", "timestamp", "warehouse_id", "event_id", "reason", "stock_level", "stock_transaction")
    class ClusterTime(_message.Message):
        __slots__ = ("t", "i")
        T_FIELD_NUMBER: _ClassVar[int]
        I_FIELD_NUMBER: _ClassVar[int]
        t: int
        i: int
        def __init__(self, t: _Optional[int] = ..., i: _Optional[int] = ...) -> None: ...
    class StockLevel(_message.Message):
        __slots__ = ("document_id", "sku", "warehouse_id", "product_id", "brand_id", "category_id", "department_id", "current_stock", "reserved_stock", "available_stock", "min_threshold", "reorder_threshold", "restock_in_progress", "last_updated", "updated_at", "status_changed_at", "metadata", "product_name", "variant_name", "brand_name", "category_name", "department_name", "supplier_id", "lead_time_days", "order_up_to", "pack_multiple", "unit_price", "min_order_qty", "source", "source_epoch", "cluster_time")
        DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
        SKU_FIELD_NUMBER: _ClassVar[int]
        WAREHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
        PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
        BRAND_ID_FIELD_NUMBER: _ClassVar[int]
        CATEGORY_ID_FIELD_NUMBER: _ClassVar[int]
        DEPARTMENT_ID_FIELD_NUMBER: _ClassVar[int]
        CURRENT_STOCK_FIELD_NUMBER: _ClassVar[int]
        RESERVED_STOCK_FIELD_NUMBER: _ClassVar[int]
        AVAILABLE_STOCK_FIELD_NUMBER: _ClassVar[int]
        MIN_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
        REORDER_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
        RESTOCK_IN_PROGRESS_FIELD_NUMBER: _ClassVar[int]
        LAST_UPDATED_FIELD_NUMBER: _ClassVar[int]
        UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
        STATUS_CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
        METADATA_FIELD_NUMBER: _ClassVar[int]
        PRODUCT_NAME_FIELD_NUMBER: _ClassVar[int]
        VARIANT_NAME_FIELD_NUMBER: _ClassVar[int]
        BRAND_NAME_FIELD_NUMBER: _ClassVar[int]
        CATEGORY_NAME_FIELD_NUMBER: _ClassVar[int]
        DEPARTMENT_NAME_FIELD_NUMBER: _ClassVar[int]
        SUPPLIER_ID_FIELD_NUMBER: _ClassVar[int]
        LEAD_TIME_DAYS_FIELD_NUMBER: _ClassVar[int]
        ORDER_UP_TO_FIELD_NUMBER: _ClassVar[int]
        PACK_MULTIPLE_FIELD_NUMBER: _ClassVar[int]
        UNIT_PRICE_FIELD_NUMBER: _ClassVar[int]
        MIN_ORDER_QTY_FIELD_NUMBER: _ClassVar[int]
        SOURCE_FIELD_NUMBER: _ClassVar[int]
        SOURCE_EPOCH_FIELD_NUMBER: _ClassVar[int]
        CLUSTER_TIME_FIELD_NUMBER: _ClassVar[int]
        document_id: str
        sku: str
        warehouse_id: str
        product_id: str
        brand_id: str
        category_id: str
        department_id: str
        current_stock: int
        reserved_stock: int
        available_stock: int
        min_threshold: int
        reorder_threshold: int
        restock_in_progress: bool
        last_updated: str
        updated_at: str
        status_changed_at: str
        metadata: InventoryEvent.Metadata
        product_name: str
        variant_name: str
        brand_name: str
        category_name: str
        department_name: str
        supplier_id: str
        lead_time_days: int
        order_up_to: int
        pack_multiple: int
        unit_price: float
        min_order_qty: int
        source: str
        source_epoch: int
        cluster_time: InventoryEvent.ClusterTime
        def __init__(self, document_id: _Optional[str] = ..., sku: _Optional[str] = ..., warehouse_id: _Optional[str] = ..., product_id: _Optional[str] = ..., brand_id: _Optional[str] = ..., category_id: _Optional[str] = ..., department_id: _Optional[str] = ..., current_stock: _Optional[int] = ..., reserved_stock: _Optional[int] = ..., available_stock: _Optional[int] = ..., min_threshold: _Optional[int] = ..., reorder_threshold: _Optional[int] = ..., restock_in_progress: _Optional[bool] = ..., last_updated: _Optional[str] = ..., updated_at: _Optional[str] = ..., status_changed_at: _Optional[str] = ..., metadata: _Optional[_Union[InventoryEvent.Metadata, _Mapping]] = ..., product_name: _Optional[str] = ..., variant_name: _Optional[str] = ..., brand_name: _Optional[str] = ..., category_name: _Optional[str] = ..., department_name: _Optional[str] = ..., supplier_id: _Optional[str] = ..., lead_time_days: _Optional[int] = ..., order_up_to: _Optional[int] = ..., pack_multiple: _Optional[int] = ..., unit_price: _Optional[float] = ..., min_order_qty: _Optional[int] = ..., source: _Optional[str] = ..., source_epoch: _Optional[int] = ..., cluster_time: _Optional[_Union[InventoryEvent.ClusterTime, _Mapping]] = ...) -> None: ...
    class Metadata(_message.Message):
        __slots__ = ("weight_kg", "dimensions_cm", "shelf_location", "supplier_id")
        WEIGHT_KG_FIELD_NUMBER: _ClassVar[int]
        DIMENSIONS_CM_FIELD_NUMBER: _ClassVar[int]
        SHELF_LOCATION_FIELD_NUMBER: _ClassVar[int]
        SUPPLIER_ID_FIELD_NUMBER: _ClassVar[int]
        weight_kg: float
        dimensions_cm: InventoryEvent.Dimensions
        shelf_location: str
        supplier_id: str
        def __init__(self, weight_kg: _Optional[float] = ..., dimensions_cm: _Optional[_Union[InventoryEvent.Dimensions, _Mapping]] = ..., shelf_location: _Optional[str] = ..., supplier_id: _Optional[str] = ...) -> None: ...
    class Dimensions(_message.Message):
        __slots__ = ("length", "width", "height")
        LENGTH_FIELD_NUMBER: _ClassVar[int]
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        HEIGHT_FIELD_NUMBER: _ClassVar[int]
        length: float
        width: float
        height: float
        def __init__(self, length: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...
    class StockTransaction(_message.Message):
        __slots__ = ("document_id", "transaction_id", "line_id", "transaction_type", "status", "sku", "warehouse_id", "to_warehouse_id", "quantity", "order_id", "po_number", "return_id", "adjustment_reason", "user_id", "batch_id", "timestamp", "updated_at", "status_changed_at", "source", "source_epoch", "cluster_time")
        DOCUMENT_ID_FIELD_NUMBER: _ClassVar[int]
        TRANSACTION_ID_FIELD_NUMBER: _ClassVar[int]
        LINE_ID_FIELD_NUMBER: _ClassVar[int]
        TRANSACTION_TYPE_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        SKU_FIELD_NUMBER: _ClassVar[int]
        WAREHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
        TO_WAREHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
        QUANTITY_FIELD_NUMBER: _ClassVar[int]
        ORDER_ID_FIELD_NUMBER: _ClassVar[int]
        PO_NUMBER_FIELD_NUMBER: _ClassVar[int]
        RETURN_ID_FIELD_NUMBER: _ClassVar[int]
        ADJUSTMENT_REASON_FIELD_NUMBER: _ClassVar[int]
        USER_ID_FIELD_NUMBER: _ClassVar[int]
        BATCH_ID_FIELD_NUMBER: _ClassVar[int]
        TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
        UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
        STATUS_CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
        SOURCE_FIELD_NUMBER: _ClassVar[int]
        SOURCE_EPOCH_FIELD_NUMBER: _ClassVar[int]
        CLUSTER_TIME_FIELD_NUMBER: _ClassVar[int]
        document_id: str
        transaction_id: str
        line_id: str
        transaction_type: str
        status: str
        sku: str
        warehouse_id: str
        to_warehouse_id: str
        quantity: int
        order_id: str
        po_number: str
        return_id: str
        adjustment_reason: str
        user_id: str
        batch_id: str
        timestamp: str
        updated_at: str
        status_changed_at: str
        source: str
        source_epoch: int
        cluster_time: InventoryEvent.ClusterTime
        def __init__(self, document_id: _Optional[str] = ..., transaction_id: _Optional[str] = ..., line_id: _Optional[str] = ..., transaction_type: _Optional[str] = ..., status: _Optional[str] = ..., sku: _Optional[str] = ..., warehouse_id: _Optional[str] = ..., to_warehouse_id: _Optional[str] = ..., quantity: _Optional[int] = ..., order_id: _Optional[str] = ..., po_number: _Optional[str] = ..., return_id: _Optional[str] = ..., adjustment_reason: _Optional[str] = ..., user_id: _Optional[str] = ..., batch_id: _Optional[str] = ..., timestamp: _Optional[str] = ..., updated_at: _Optional[str] = ..., status_changed_at: _Optional[str] = ..., source: _Optional[str] = ..., source_epoch: _Optional[int] = ..., cluster_time: _Optional[_Union[InventoryEvent.ClusterTime, _Mapping]] = ...) -> None: ...
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    ADJUSTMENT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    WAREHOUSE_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STOCK_LEVEL_FIELD_NUMBER: _ClassVar[int]
    STOCK_TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    item_id: str
    adjustment: int
    timestamp: str
    warehouse_id: str
    event_id: str
    reason: str
    stock_level: InventoryEvent.StockLevel
    stock_transaction: InventoryEvent.StockTransaction
    def __init__(self, item_id: _Optional[str] = ..., adjustment: _Optional[int] = ..., timestamp: _Optional[str] = ..., warehouse_id: _Optional[str] = ..., event_id: _Optional[str] = ..., reason: _Optional[str] = ..., stock_level: _Optional[_Union[InventoryEvent.StockLevel, _Mapping]] = ..., stock_transaction: _Optional[_Union[InventoryEvent.StockTransaction, _Mapping]] = ...) -> None: ...
