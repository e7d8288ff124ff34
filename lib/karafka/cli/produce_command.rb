# frozen_string_literal: true

module Karafka
  module Cli
    # `karafka produce TOPIC [FILE…]`: one message a line, or one JSON object a line.
    class ProduceCommand
      # Messages that cross into the engine at once.
      BATCH = 1_000
      # Said by name; what follows is a number.
      MOST_REASONS = 3
      private_constant :BATCH, :MOST_REASONS

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
        @progress = Progress.new(@err, "messages")
        each_line { |lines| dispatch(producer, lines) }
        producer.close
        @progress.finish(@sent)
        report
      ensure
        producer&.close
      end

      private

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

        @lock.synchronize { @failed[event[:error].message] += 1 }
      end

      # Before anything is sent.
      def check_files
        @files.each do |file|
          next if file == "-" || (File.file?(file) && File.readable?(file)) || File.pipe?(file)

          raise Errors::CommandError, "cannot read #{file}: #{File.exist?(file) ? "no file, or no permission" : "it does not exist"}"
        end
      end

      def each_line(&)
        @files.each do |file|
          next batches(@input, &) if file == "-"

          File.open(file, "rb") { |io| batches(io, &) }
        end
      end

      # Whole batches of a file; what a person or a slow program types goes out line by line.
      def batches(io, &)
        return io.each_line(chomp: true).each_slice(BATCH, &) if io.is_a?(File) && io.stat.file?

        io.binmode
        lines = []
        while (line = io.gets(chomp: true))
          lines << line
          next if lines.size < BATCH && io.respond_to?(:nread) && io.nread.positive?

          yield lines
          lines = []
        end
      end

      def dispatch(producer, lines)
        @pace.wait(lines.size)
        messages = json? ? lines.map { |line| @common.merge(JsonMessage.read(line).merge(topic: @topic)) } : filled(lines)
        producer.produce_many_async(messages)
        @sent += messages.size
        @progress.at(@sent)
      end

      # Nothing refers to the Hashes once the engine has taken the messages, so they are used again: making new ones for each
      # line took as long as the lines themselves.
      def filled(lines)
        @hashes ||= Array.new(BATCH) { @common.dup }
        lines.each_with_index { |line, index| @hashes[index][:payload] = line }
        @hashes.first(lines.size)
      end

      def report
        return OK if @failed.empty?

        reasons = @failed.sort_by { |_, count| -count }
        shown = reasons.first(MOST_REASONS).map { |text, count| "#{count}: #{text}" }
        shown << "and #{reasons.size - MOST_REASONS} other reasons" if reasons.size > MOST_REASONS
        raise Errors::CommandError, "#{@failed.values.sum} of #{@sent} messages were not delivered. #{shown.join("; ")}"
      end
    end
  end
end
