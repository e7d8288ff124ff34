CREATE TABLE page_views (
  kafka_partition int    NOT NULL,
  kafka_offset    bigint NOT NULL,
  visitor         text   NOT NULL,
  page            text   NOT NULL,
  PRIMARY KEY (kafka_partition, kafka_offset)
);
