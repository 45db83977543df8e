"""What the bridge must not forget: peewee models, migrations, and units of work on one thread."""
