# frozen_string_literal: true

# Stands in for a schema registry: registers schemas, and gives them by their numbers. In memory.
#   puma --bind tcp://127.0.0.1:8081 registry/config.ru
require "json"

schemas = []

run(lambda do |env|
  answer = lambda do |body|
    [body ? 200 : 404, { "content-type" => "application/json" }, [JSON.generate(body || { "message" => "no such schema" })]]
  end
  case [env["REQUEST_METHOD"], env["PATH_INFO"]]
  in ["POST", %r{\A/subjects/[\w-]+/versions\z}]
    schema = JSON.parse(env["rack.input"].read).fetch("schema")
    schemas << schema unless schemas.include?(schema)
    answer.call({ "id" => schemas.index(schema) + 1 })
  in ["GET", %r{\A/schemas/ids/([1-9]\d*)\z}]
    schema = schemas[Integer(env["PATH_INFO"][/\d+/]) - 1]
    answer.call(schema && { "schema" => schema })
  else
    answer.call(nil)
  end
end)
