# frozen_string_literal: true

require "json"

module Karafka
  module Cli
    # `karafka consume TOPIC`: prints messages. It joins no group and commits nothing, so nobody notices.
    class ConsumeCommand
      # Bytes that are collected before they are written.
      BUFFER_BYTES = 65_536
      private_constant :BUFFER_BYTES

      # @param topic [String]
      # @param options [Hash{Symbol, String=>Object}] of the command line
      # @param out [IO]
      # @param err [IO] where progress is written
      def initialize(topic, options, out: $stdout, err: $stderr)
        @topic = topic
        @options = options
        @out = out
        @err = err
        @count = 0
      end

      # @return [Integer] exit status
      # @raise [Errors::CommandError]
      def call
        @limit = Numbers.count(@options, :limit)
        @selection = Selection.new(@options)
        @line = line
        Target.kafka(@options[:brokers])
        @progress = Progress.new(@err, "messages") unless @out.tty?
        @buffer = String.new(encoding: Encoding::BINARY)
        print_all
        OK
      rescue Interrupt
        # Ctrl-C is the way out of --follow. Without it messages are missing.
        @options[:follow] ? OK : FAILED
      ensure
        flush unless @buffer.nil?
      end

      private

      # Payloads one after the other need no object for each message.
      def print_all
        messages = iterator
        plain? ? print_batches(messages) : print_each(messages)
        flush
        @progress&.finish(@count)
      end

      def plain? = %i[limit grep format headers deserialize].none? { |name| @options[name] }

      def print_batches(messages)
        messages.each_batch do |batch|
          @out.write(batch.raw_lines)
          @out.flush
          @count += batch.size
          @progress&.at(@count)
        end
      end

      def print_each(messages)
        messages.each do |message|
          next unless @selection.include?(message)

          write(@line.call(message))
          @count += 1
          break messages.stop if @limit && @count >= @limit
        end
      end

      def iterator
        from = Position.parse(@options[:from] || "earliest", "--from", from_end: true)
        to = Position.parse(@options[:to], "--to") if @options[:to]
        to ||= :latest unless @options[:follow]
        @selection.iterator(@topic, from: from, to: to)
      end

      # @return [Proc] a message as it is to be printed
      def line
        return ->(message) { "#{JsonMessage.write(message, payload(message))}\n" } if @options[:format] == "json"

        default = @options[:headers] ? "%h\\t%s" : "%s"
        format = MessageFormat.new(@options[:format] || default)
        ->(message) { format.call(message, text(payload(message))) }
      end

      # Raw, or what the route's deserializer makes of it.
      def payload(message)
        @options[:deserialize] ? message.payload : message.raw_payload
      end

      def text(payload)
        payload.nil? || payload.is_a?(String) ? payload : JSON.generate(payload)
      end

      def write(line)
        @buffer << line.b
        # A person, or a program behind a pipe that waits, sees each message as it comes.
        flush if @options[:follow] || @buffer.bytesize >= BUFFER_BYTES
        @progress&.at(@count)
      end

      def flush
        @out.write(@buffer)
        @out.flush
        @buffer.clear
      end
    end
  end
end
