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
      GIVEN = :karafka_given_attributes
      KEPT = :karafka_kept_attributes
      private_constant :HEADER, :GIVEN, :KEPT

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
          return { HEADER => Thread.current[KEPT] } if Thread.current[KEPT]

          set = @names.to_h { |name| [name, Object.const_get(name).attributes.compact] }.reject { |_, attributes| attributes.empty? }
          return {} if set.empty?

          { HEADER => JSON.generate(set.transform_values { |attributes| ::ActiveJob::Arguments.serialize([attributes]) }) }
        end

        # The job that the block executes has them. They are set {around} it, after Rails has loaded code that has changed: that
        # forgets what was set.
        # @param message [Messages::Message]
        # @param job [Hash{String=>Object}] that is in it
        # @return [Object] what the block returns
        # @api private
        def restore(message, job)
          header = message.raw_headers[HEADER] unless @names.empty?
          return yield unless header

          begin
            Thread.current[GIVEN] = [header, job]
            yield
          ensure
            Thread.current[GIVEN] = nil
          end
        end

        # Where they cannot be had, such as a record that was deleted meanwhile, the job's class decides, as with its arguments:
        # `discard_on` and `retry_on` of ActiveJob::DeserializationError.
        # @param execution [Proc]
        # @return [Object] what it returns
        # @raise [::ActiveJob::DeserializationError] the class says nothing of it
        # @api private
        def around(execution)
          header, job = Thread.current[GIVEN]
          return execution.call unless header

          # Not for a job that this one performs itself.
          Thread.current[GIVEN] = nil
          begin
            found = JSON.parse(header).slice(*@names).transform_values { |given| ::ActiveJob::Arguments.deserialize(given).first }
          rescue ::ActiveJob::DeserializationError => e
            return keep(header) { ::ActiveJob::Base.deserialize(job).rescue_with_handler(e) } || raise
          end
          found.reduce(execution) { |inner, (name, attributes)| -> { within(name, attributes, &inner) } }.call
        end

        private

        # A job that is enqueued once more has what it had, as nobody knows what that was.
        def keep(header)
          Thread.current[KEPT] = header
          yield
        ensure
          Thread.current[KEPT] = nil
        end

        # An attribute that this version of the application does not have is left out.
        def within(name, attributes, &)
          current = Object.const_get(name)
          current.set(attributes.select { |attribute, _| current.respond_to?(:"#{attribute}=") }, &)
        end
      end
    end
  end
end
