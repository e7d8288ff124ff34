# frozen_string_literal: true

# Which names of the adapters have no example: methods of their signatures, settings of their tables, events in their sources, errors
# among their constants. So a name that is added needs an example, without anybody having to list it.
module AdapterExamples
  ROOT = File.expand_path("../..", __dir__)
  LIBRARIES = %w[ruby_kafka delivery_boy racecar phobos].freeze
  # What only the adapters' own files call.
  INTERNAL = {
    "racecar" => %w[load_env max_wait_time_ms statistics_interval_ms touch remove verdict main error_handler processor file_path],
    "phobos" => %w[configure_logger set_up about instrument]
  }.freeze
  # How the sources tell events. Names that come from a variable are strings of the same call.
  EVENT = /\b(?:instrument|attempt|guarded|observed|rebalanced)\(.*/
  NAME_OF_EVENT = /"([a-z_]+(?:\.[a-z_]+)?)"/
  # Of the engine's monitor.
  OTHERS = %w[rebalance.partitions_assigned rebalance.partitions_revoked].freeze
  private_constant :EVENT, :NAME_OF_EVENT, :OTHERS

  class << self
    # @param library [String]
    # @return [Array<String>] public methods that no example calls
    def methods_without(library)
      signatures = File.read(File.join(ROOT, "sig/adapters/#{library}.rbs"))
      names = signatures.scan(/^\s*(?:def|attr_\w+) (?:self\.)?([\w?!=]+):/).flatten.uniq
      without(library, names.map { |name| name.delete_suffix("=") } - %w[initialize inspect to_s == new] - INTERNAL.fetch(library, []))
    end

    # @param library [String]
    # @param settings [Array<Symbol>]
    # @return [Array<String>] settings that no example gives a value, by name, as an option or in the environment
    def settings_without(library, settings)
      settings.map(&:to_s).reject do |name|
        [name, "--#{name.tr("_", "-")}", "#{library.upcase}_#{name.upcase}"].any? { |form| shown?(library, form) }
      end
    end

    # @param library [String]
    # @return [Array<String>] events that no example subscribes to
    def events_without(library)
      sources = Dir[File.join(ROOT, "lib/karafka/adapters/#{library}/**/*.rb")].map { |path| File.read(path) }.join
      without(library, sources.scan(EVENT).flat_map { |call| call.scan(NAME_OF_EVENT) }.flatten.uniq - OTHERS)
    end

    # @param library [String]
    # @param namespace [Module]
    # @return [Array<String>] error classes that no example raises or rescues
    def errors_without(library, namespace)
      loaded = namespace.constants.reject { |name| namespace.autoload?(name) }
      errors = loaded.select { |name| namespace.const_get(name).is_a?(Class) && namespace.const_get(name) < StandardError }
      without(library, errors.map { |name| "#{namespace}::#{name}" })
    end

    private

    def without(library, names) = names.reject { |name| shown?(library, name) }

    def shown?(library, name) = examples(library).match?(/(?<!\w)#{Regexp.escape(name)}(?![\w?!])/)

    # Comments are none.
    def examples(library)
      @examples ||= {}
      @examples[library] ||= Dir[File.join(ROOT, "{spec/unit/adapters,spec/kafka,examples}/#{library}{/**/*,_spec}.{rb,yml}"),
                                 File.join(ROOT, "spec/{unit/adapters/settings_file_spec,support/#{library}_app}.rb")]
                             .map { |path| File.read(path).gsub(/^\s*#.*/, "") }.join("\n")
    end
  end
end
