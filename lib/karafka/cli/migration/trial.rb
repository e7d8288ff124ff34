# frozen_string_literal: true

module Karafka
  module Cli
    module Migration
      # Asks the code that takes settings and routes whether it would take one: with a value that is known, in objects that are thrown
      # away. So the refusals of `doctor --migrate` are those of the application's start.
      module Trial
        # Objects that belong to the process, or that need one.
        NOT_TRIED = %w[kafka producer logger monitor].freeze
        private_constant :NOT_TRIED

        module_function

        # @param path [Array<String>] such as ["kafka", "session_timeout"] or ["pause", "timeout"]
        # @param value [Object] maybe {Literals::UNKNOWN}
        # @return [String, nil] why it would be refused
        def setting(path, value)
          return kafka(path[1], value) if path.size == 2 && path[0] == "kafka"
          return if NOT_TRIED.include?(path[0]) || path.size > 2

          refusal do
            target = path.size == 2 ? Setup::Config.new.public_send(path[0]) : Setup::Config.new
            assign(target, path.last, value)
          end
        end

        # @param path [Array<String>] of a producer
        # @param value [Object] maybe {Literals::UNKNOWN}
        # @return [String, nil] why it would be refused
        def producer(path, value)
          return kafka(path[1], value) if path.size == 2 && path[0] == "kafka"
          return if NOT_TRIED.include?(path[0]) || path.size > 1

          refusal { assign(WaterDrop::Config.new, path[0], value) }
        end

        # @param layer [Symbol] :topic, :group or :routes
        # @param label [String] name of the topic or of the group
        # @param name [String] of what is called
        # @param arguments [Array<Object>]
        # @param options [Hash{Symbol=>Object}]
        # @return [String, nil] why it would be refused
        def route(layer, label, name, arguments, options)
          target = target(layer, label)
          known = Literals.known?(arguments) && Literals.known?(options)
          # Without its value only a name that does not exist is refused for certain.
          return if target.respond_to?(name) && (!known || (arguments.empty? && options.empty?))

          refusal { target.public_send(name, *arguments, **options) }
        end

        # @param name [String] of librdkafka, or of 1.x
        # @param value [Object]
        # @return [String, nil]
        def kafka(name, value)
          known = Literals.known?(value)
          error = refused { Setup::KafkaSettings.new({}, "config.kafka") { nil }[name] = value }
          # Any value but those that ask for nothing.
          error.message if error && (known || error.is_a?(Errors::UnsupportedFeatureError))
        end

        def assign(target, name, value)
          return target.public_send(:"#{name}=", value) if Literals.known?(value)
          return if target.respond_to?(:"#{name}=") && !target.respond_to?(name)

          target.public_send(name)
        end

        def target(layer, label)
          builder = Routing::Builder.new
          case layer
          when :topic then builder.topic(label)
          when :group then builder.consumer_group(label)
          else builder
          end
        end

        def refusal(&) = refused(&)&.message

        # What is no refusal of ours says nothing about the application.
        def refused
          yield
          nil
        rescue Errors::BaseError => e
          e
        rescue StandardError
          nil
        end
        private_class_method :kafka, :assign, :target, :refusal, :refused
      end
    end
  end
end
