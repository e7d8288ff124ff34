# frozen_string_literal: true

require "json"

module Karafka
  module ActiveJob
    # Carries CurrentAttributes of Rails from where a job is enqueued to where it is performed, in a header of its message.
    #
    # @example In an initializer
    #   Karafka::ActiveJob::CurrentAttributes.persist("Current")
    module CurrentAttributes
      HEADER = "active_job_current_attributes"
      private_constant :HEADER

      @names = [].freeze

      class << self
        # Their values have to be of the kinds that arguments of a job may have.
        # @param classes [Array<Class, String>] by name they may be reloaded
        # @return [void]
        def persist(*classes)
          @names = (@names | classes.map(&:to_s)).freeze
        end

        # @return [Hash{String=>String}] headers for a message; empty where nothing is set
        # @raise [::ActiveJob::SerializationError] a value is of no kind that a job can have
        # @api private
        def to_headers
          return {} if @names.empty?

          set = @names.to_h { |name| [name, Object.const_get(name).attributes.compact] }.reject { |_, attributes| attributes.empty? }
          return {} if set.empty?

          { HEADER => JSON.generate(set.transform_values { |attributes| ::ActiveJob::Arguments.serialize([attributes]) }) }
        end

        # @param message [Messages::Message]
        # @return [Object] what the block returns, in which they are set
        # @api private
        def restore(message, &block)
          header = message.raw_headers[HEADER] unless @names.empty?
          return yield unless header

          JSON.parse(header).slice(*@names).reduce(block) { |inner, (name, given)| -> { within(name, given, &inner) } }.call
        end

        private

        # An attribute that this version of the application does not have is left out.
        def within(name, given, &)
          current = Object.const_get(name)
          attributes = ::ActiveJob::Arguments.deserialize(given).first
          current.set(attributes.select { |attribute, _| current.respond_to?(:"#{attribute}=") }, &)
        end
      end
    end
  end
end
