# frozen_string_literal: true

# As much of JSON Schema as docs/state.schema.json uses, and stricter: what is not described is a finding, too.
module JsonSchema
  TYPES = {
    "object" => ->(value) { value.is_a?(Hash) }, "array" => ->(value) { value.is_a?(Array) }, "string" => ->(value) { value.is_a?(String) },
    "integer" => ->(value) { value.is_a?(Integer) }, "number" => ->(value) { value.is_a?(Numeric) }, "null" => :nil?.to_proc,
    "boolean" => ->(value) { [true, false].include?(value) }
  }.freeze

  module_function

  # @return [Array<String>] "groups[0].lag: -1 is no string"
  def findings(value, schema, root: schema, at: "")
    schema = root.dig(*schema["$ref"].delete_prefix("#/").split("/")) if schema["$ref"]
    return any(value, schema, root, at) if schema["anyOf"]
    return schema["enum"].include?(value) ? [] : ["#{at}: #{value.inspect} is none of #{schema["enum"]}"] if schema["enum"]

    types = Array(schema["type"])
    return ["#{at}: #{value.inspect} is no #{types.join(" or ")}"] if types.none? { |type| TYPES.fetch(type).call(value) }

    case value
    when Hash then of_object(value, schema, root, at)
    when Array then value.each_with_index.flat_map { |one, index| findings(one, schema.fetch("items"), root: root, at: "#{at}[#{index}]") }
    else []
    end
  end

  def any(value, schema, root, at)
    all = schema["anyOf"].map { |one| findings(value, one, root: root, at: at) }
    all.any?(&:empty?) ? [] : all.max_by(&:size)
  end

  def of_object(value, schema, root, at)
    missing = (schema["required"] || []) - value.keys
    missing.map { |name| "#{at}: #{name} is missing" } + value.flat_map do |name, one|
      described = schema.dig("properties", name) || schema["additionalProperties"]
      described ? findings(one, described, root: root, at: "#{at}.#{name}") : ["#{at}.#{name}: is not described"]
    end
  end
end
