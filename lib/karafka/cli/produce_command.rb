# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka produce TOPIC [FILE…]`: one message a line, or one JSON object a line.
    class ProduceCommand
      # Messages that cross into the engine at once, where each is an object.
      BATCH = 1_000
      # Said by name; what follows is a number.
      MOST_REASONS = 3
      # librdkafka does not tell why a broker refused a message until its time was over.
      LATE = "`karafka topics health` says whether the topic can be written"
      # How long messages that are under way get when a signal ends the command, ms.
      LAST_WAIT_MS = 2_000
      private_constant :BATCH, :MOST_REASONS, :LATE, :LAST_WAIT_MS

      # @param topic [String]
      # @param files [Array<String>] "-" or none: standard input
      # @param options [Hash{Symbol, String=>Object}] of the command line
      # @param input [IO]
      # @param err [IO] where progress and the result are written
      def initialize(topic, files, options, input: $stdin, err: $stderr)
        @topic = topic
        @files = files.empty? ? ["-"] : files
        @options = options
        @input = input
        @err = err
        @failed = Hash.new(0)
        @lock = Mutex.new
        @sent = 0
      end

      # @return [Integer] exit status: 1 where a message was not delivered
      # @raise [Errors::CommandError]
      def call
        @common = common
        @pace = Pace.new(@options[:rate])
        check_files
        producer = build(Target.kafka(@options[:brokers]))
        send_all(producer)
        @progress.finish(@sent)
        report
      end

      private

      def send_all(producer)
        @progress = Progress.new(@err, "messages")
        each_block { |block| dispatch(producer, block) }
      rescue SignalException
        wait_ms = LAST_WAIT_MS
        stopped = true
      ensure
        producer.close(wait_ms)
        stopped!(@failed.values.sum) if stopped
      end

      # A block of lines may have been taken in part.
      def stopped!(failed)
        reasons = ". #{why}" if failed.positive?
        raise Errors::CommandError, "stopped: #{[@sent - failed, 0].max} of #{[@sent, failed].max} messages were delivered#{reasons}"
      end

      def json? = @options[:format] == "json"

      # What each message has.
      def common
        headers = HeaderOptions.pairs(@options[:header]).to_h
        { topic: @topic, key: @options[:key], partition: @options[:partition], headers: (headers unless headers.empty?) }.compact
      end

      def build(kafka)
        producer = BulkProducer.build(kafka, { "compression.type": @options[:compression], acks: @options[:acks] }.compact)
        # Messages that are not delivered are reported once, at the end.
        producer.monitor.subscribe("error.occurred") { |event| failed(event) }
        producer
      end

      def failed(event)
        return unless event[:type] == "librdkafka.dispatch_error"

        error = event[:error]
        reason = error.code == :msg_timed_out ? "#{error.message}: #{LATE}" : error.message
        @lock.synchronize { @failed[reason] += 1 }
      end

      # Before anything is sent.
      def check_files
        @files.each do |file|
          next if file == "-" || (File.file?(file) && File.readable?(file)) || File.pipe?(file)

          raise Errors::CommandError, "cannot read #{file}: #{File.exist?(file) ? "no file, or no permission" : "it does not exist"}"
        end
      end

      def each_block(&)
        @files.each do |file|
          next LineBlocks.each(@input, &) if file == "-"

          File.open(file, "rb") { |io| LineBlocks.each(io, &) }
        end
      end

      def dispatch(producer, block)
        return send_text(producer, block) unless json? || @options[:rate]

        block.each_line.each_slice(@pace.batch(BATCH)) do |lines|
          @pace.wait(lines.size)
          json? ? send_json(producer, lines) : send_text(producer, lines.join)
        end
      end

      def send_text(producer, text)
        sent(producer.produce_lines_async(text, @common).size)
      rescue WaterDrop::Errors::MessageInvalidError => e
        raise unless e.field == :payload

        raise Errors::CommandError, "line #{@sent + e.index + 1}: #{e.message}. #{Amount.past(@sent, "line")} sent before it"
      end

      def send_json(producer, lines)
        messages = lines.map { |line| @common.merge(JsonMessage.read(line.chomp).merge(topic: @topic)) }
        producer.produce_many_async(messages)
        sent(messages.size)
      rescue Errors::CommandError => e
        raise Errors::CommandError, "#{e.message}. #{Amount.past(@sent, "line")} sent before it"
      rescue WaterDrop::Errors::MessageInvalidError => e
        # Without its place in the call, which is not that in the file.
        reason = e.message[/\A(.*?)(?: \(message|\z)/m, 1]
        raise Errors::CommandError, "line #{@sent + e.index + 1}: #{reason}. #{Amount.past(@sent, "line")} sent before it"
      end

      def sent(count)
        @sent += count
        @progress.at(@sent)
      end

      def report
        return OK if @failed.empty?

        raise Errors::CommandError, "#{@failed.values.sum} of #{@sent} messages were not delivered. #{why}"
      end

      # @return [String] the most frequent reasons, with how often
      def why
        reasons = @failed.sort_by { |_, count| -count }
        shown = reasons.first(MOST_REASONS).map { |text, count| "#{count}: #{text}" }
        shown << "and #{reasons.size - MOST_REASONS} other reasons" if reasons.size > MOST_REASONS
        shown.join("; ")
      end
    end
  end
end
