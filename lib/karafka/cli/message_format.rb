# frozen_string_literal: true

module Karafka
  module Cli
    # `--format '%p %o %k %s'`: what is printed of a message. %t topic, %p partition, %o offset, %T timestamp in ms, %h headers, %k key,
    # %s payload, %% a percent sign; \n and \t. A line end is added where the format has none at its end.
    class MessageFormat
      FIELDS = {
        "t" => ->(message, _) { message.topic }, "p" => ->(message, _) { message.partition }, "o" => ->(message, _) { message.offset },
        "T" => ->(message, _) { message.timestamp && (message.timestamp.to_r * 1_000).to_i },
        "h" => ->(message, _) { message.raw_headers.map { |name, value| "#{name}=#{Array(value).join(",")}" }.join(",") },
        "k" => ->(message, _) { message.raw_key }, "s" => ->(_, payload) { payload }
      }.freeze
      ESCAPES = { '\n' => "\n", '\t' => "\t", "\\\\" => "\\" }.freeze
      private_constant :FIELDS, :ESCAPES

      # @param text [String]
      # @raise [Errors::CommandError]
      def initialize(text)
        text = text.gsub(/\\[nt\\]/) { |escape| ESCAPES.fetch(escape) }
        @parts = text.scan(/%.?|[^%]+/m).map { |part| part.start_with?("%") ? field(part[1].to_s, text) : part.b.freeze }
        @parts << "\n" unless text.end_with?("\n")
      end

      # @param message [Messages::Message]
      # @param payload [String, nil] as it is to be shown
      # @return [String]
      def call(message, payload)
        @parts.each_with_object(String.new(encoding: Encoding::BINARY)) do |part, line|
          line << (part.is_a?(String) ? part : part.call(message, payload).to_s.b)
        end
      end

      private

      def field(letter, text)
        return "%".b if letter == "%"

        FIELDS[letter] || raise(Errors::CommandError, "--format #{text.strip.inspect}: there is no %#{letter}; there are " \
                                                      "#{FIELDS.keys.map { |name| "%#{name}" }.join(" ")} and %%")
      end
    end
  end
end
