# frozen_string_literal: true

module Karafka
  module Testing
    # What became of the messages of a run.
    # * `batches`: offsets of each delivery, in order
    # * `errors`: what the consumer raised, in order
    # * `delays`: ms that a server would have waited after each failure
    # * `dead_letters`, `retries`: messages as they were sent to the dead letter queue and to the next retry topic
    # * `skipped`: offsets of messages that were left out
    # * `waiting`: ms until the partition goes on, -1: once it is resumed; nil: it does not wait. A further run goes on.
    # * `position`: offset of the first message that is not marked
    Run = Struct.new(:batches, :errors, :delays, :dead_letters, :retries, :skipped, :waiting, :position, keyword_init: true) do
      # @return [Integer] deliveries
      def deliveries
        batches.size
      end

      # @return [Boolean] nothing failed and nothing waits
      def clean?
        errors.empty? && waiting.nil?
      end
    end

    # Runs a consumer by the rules of a server, in the thread of the test.
    class Runner
      KINDS = %i[consume eofed idle revoked shutdown].freeze
      # More deliveries than this are no test any more: somebody seeks to and fro, or fails forever.
      MOST = 10_000
      # A server would try these again and again.
      STUCK = %w[consumer.failure.error dead_letter_queue.dispatch.error].freeze
      private_constant :KINDS, :MOST, :STUCK

      # A {Karafka::Worker} without a thread of its own.
      class Worker < Karafka::Worker
        # @return [void]
        def work(errors)
          @errors = errors
          run
        end

        private

        def failed(_lease, _kind, _assignment, error, _settled)
          @errors << error
          super
        end
      end
      private_constant :Worker

      # @param inbox [Inbox]
      # @param session [Session]
      # @param attempts [Integer, nil]
      def initialize(inbox, session, attempts: nil)
        unless attempts.nil? || (attempts.is_a?(Integer) && attempts.positive?)
          raise Errors::UsageError, "attempts is #{attempts.inspect}, but must be an Integer of at least 1"
        end

        @inbox = inbox
        @session = session
        @attempts = attempts
        @errors = []
        @run = Run.new(batches: [], errors: [], delays: [], dead_letters: [], retries: [], skipped: [])
      end

      # @param kind [Symbol]
      # @return [Run]
      # @raise [Exception] what is retried forever, and what ends a server
      def call(kind)
        raise Errors::UsageError, "run takes one of #{KINDS.join(", ")}, not #{kind.inspect}" unless KINDS.include?(kind)

        before = @session.produced_messages.size
        assignments = @inbox.assignments.select { |one| messages(one).any? }
        assignments = @inbox.assignments.first(1) if assignments.empty?
        assignments.each { |assignment| work(assignment, kind) }
        sort(@session.produced_messages.drop(before))
        @run.errors.concat(@errors.grep_v(Outcome))
        @run
      end

      # Of an engine, which counts the workers that are inside. There is one here.
      # @api private
      def enter_worker(_index) = nil

      # (see #enter_worker)
      def leave_worker = nil

      # What the worker gets next.
      # @api private
      # @return [Lease, nil]
      def take
        return @only.tap { @only = nil } unless @kind == :consume
        return if over?

        list = messages(@assignment)
        batch = @position.next_batch(list, @assignment.topic.max_messages)
        return if batch.empty?

        @run.batches << batch.map(&:offset)
        @lease = Lease.of(batch, @position, topic: @assignment.kafka_topic, partition: @assignment.partition,
                                            high_watermark: list.last.offset + 1)
      end

      # What processes it.
      # @api private
      # @return [SpecAssignment]
      def fetch(_lease)
        @assignment
      end

      # @api private
      # @return [void]
      def evict(_lease); end

      private

      def messages(assignment)
        @inbox.messages.select { |message| message.partition == assignment.partition }.sort_by(&:offset)
      end

      def work(assignment, kind)
        @assignment = assignment
        @position = assignment.position
        @kind = kind
        @lease = @fatal = nil
        # Time has passed since the last run.
        @position.pause = nil
        @only = assignment.idle_lease(kind: kind).tap { |lease| assignment.present(lease) } unless kind == :consume
        Worker.new(0, self, self, on_fatal: ->(error) { @fatal ||= error }).work(@errors)
        note_settled if @lease
        raise @fatal if @fatal
        raise @errors.last if @errors.any? && kind != :consume

        @run.waiting ||= @position.pause
        @run.position = @position.seek_offset
      end

      # Whether what the last batch came to leaves it at that.
      def over?
        return false unless @lease
        return true if @fatal || @lease.revoked?

        failed = note_settled
        return true if @position.pause
        raise Errors::UsageError, "#{MOST} batches were delivered, and it is not at its end" if @run.batches.size >= MOST

        failed ? waits? : false
      end

      # @return [Boolean] whether the batch comes again
      def note_settled
        how, value, = @lease.settled.first
        again = %i[nack retry untried].include?(how)
        @lease = nil unless again
        @run.skipped << value if how == :skip_message
        return false unless again

        untried = value if how == :untried
        @tries = untried || (@position.attempt - 1)
        @run.delays << ((value unless untried) || @position.backoff(@tries))
        @lease = nil
        true
      end

      def waits?
        stuck = @assignment.reported.find { |_, type| STUCK.include?(type) }
        return @tries >= @attempts && (@run.waiting = @run.delays.last) if @attempts
        raise stuck.first if stuck

        limited = @assignment.topic.dead_letter_queue.active? || @assignment.topic.next_stage
        raise @errors.last unless limited && !@errors.last.is_a?(Karafka::Errors::UnassignedConsumerError) && tried?

        false
      end

      # Those that never reached `consume` are no attempts of the messages.
      def tried?
        !@assignment.uninitialized?(@errors.last)
      end

      # What was sent meanwhile, and is about a message of the consumer.
      def sort(sent)
        topic = @inbox.topic
        own = sent.select { |message| message[:headers].is_a?(Hash) && message[:headers].key?("source_reason") }
        @run.dead_letters.concat(own.select { |message| message[:topic] == topic.dead_letter_queue.kafka_topic })
        @run.retries.concat(own.select { |message| message[:topic] == topic.next_stage&.subscription_name })
        left = (@run.dead_letters + @run.retries).map { |message| message[:headers]["source_offset"].to_i }
        @run.skipped -= left
      end
    end
  end
end
