"""The edge to Kafka: reading behind a gate, writing in origin order, and administration."""
