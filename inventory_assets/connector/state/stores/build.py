"""Open the token store that a configuration names."""

from inventory_assets.connector.config_model import ConnectorConfig
from inventory_assets.connector.ports import TokenStore


def open_store(config: ConnectorConfig) -> TokenStore:
    """Open it; each kind loads its own client library only when it is chosen.

    Raises:
        ConfigurationError: The library of the chosen kind is not installed.
        StoreUnavailableError: The file cannot be opened.
    """
    if config.resume_token_store == "mongodb":
        from inventory_assets.connector.state.stores.mongo_store import MongoTokenStore

        return MongoTokenStore(
            config.mongodb_uri.get_secret_value(), database=config.database, collection=config.resume_token_collection
        )
    if config.resume_token_store == "firestore":
        from inventory_assets.connector.state.stores.firestore_store import FirestoreTokenStore

        assert config.pubsub_project is not None
        return FirestoreTokenStore(config.pubsub_project, collection=config.resume_token_collection)
    from inventory_assets.connector.state.stores.sqlite_store import SqliteTokenStore

    return SqliteTokenStore(config.token_path)
