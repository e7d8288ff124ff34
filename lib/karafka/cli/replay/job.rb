# frozen_string_literal: true

require "digest"
require "json"

module Karafka
  module Cli
    module Replay
      # One call of `karafka replay` that sends messages: finds the range, or what is left of it, and goes through it.
      class Job
        include OnCluster

        # Options that say which messages are sent where. The same ones mean the same replay.
        WHAT = %i[from to partition key header grep by_key].freeze
        private_constant :WHAT

        # @param task [Copy, DeadLetters]
        # @param kafka [Setup::KafkaSettings] for the producer
        # @param err [IO] where progress is written
        def initialize(task, kafka, options, err: $stderr, **more)
          super(options, **more)
          @task = task
          @kafka = kafka
          @err = err
          @selection = Selection.new(options)
          @pace = Pace.new(options[:rate])
          @journal = Journal.new(admin.consumer_groups, @options[:name] || default_name, task.topic, digest)
        end

        # @return [Integer] exit status
        # @raise [Errors::CommandError]
        def call
          return replay if @options[:dry_run]

          Lock.new(admin.cluster_info.cluster_id, @journal.group).hold { replay }
        end

        private

        def replay
          entries = open_entries || fresh_entries
          @task.check!(admin, entries.keys)
          plan = survey(entries) if @options[:dry_run] || @task.survey?
          @terminal.say(*@task.notices(plan)) unless json?
          return report(plan, entries) if @options[:dry_run]
          return FAILED unless allowed?(plan)

          @journal.forget if @options[:again]
          @journal.write(entries)
          carry_out(entries)
        end

        def default_name = [@task.name, (digest if what.any?)].compact.join("-")
        def what = WHAT.to_h { |name| [name, @options[name]] }.compact
        def digest = Digest::SHA256.hexdigest(JSON.generate([@task.name, what]))[0, 8]

        # @return [Hash{Integer=>Journal::Entry}, nil] what is left of a range that was begun
        def open_entries
          return if journaled.none? { |_, entry| entry.open? }

          journaled.select { |_, entry| entry.open? }
        end

        # What was sent before is left out.
        def fresh_entries
          from = Position.parse(@options[:from] || "earliest", "--from", from_end: true)
          to = Position.parse(@options[:to] || "latest", "--to")
          ranges(from: from, to: to).to_h do |partition, (first, last)|
            begun = [first, journaled[partition]&.offset].compact.max
            [partition, Journal::Entry.new([begun, last].min, last)]
          end
        end

        def journaled
          @journaled ||= @options[:again] ? {} : @journal.read.tap { |entries| check!(entries) unless entries.empty? }
        end

        def check!(entries)
          ranges(from: :earliest, to: :latest).each do |partition, (low, high)|
            entry = entries[partition] or next
            if entry.offset > high
              raise Errors::CommandError, "#{@journal.group} has come to offset #{entry.offset} of #{@task.topic}/#{partition}, which " \
                                          "ends at #{high}: was the topic created anew? --again begins with it from the start"
            end
            gone = [low, entry.to].min - entry.offset
            next unless gone.positive?

            @err.puts("#{@task.topic}/#{partition}: #{Amount.past(gone, "message")} deleted by the topic's retention before the replay")
          end
        end

        def ranges(**places) = @selection.iterator(@task.topic, **places).ranges.fetch(@task.topic)

        def run(entries, **more)
          left = entries.select { |_, entry| entry.open? }
          iterator = @selection.iterator(@task.topic, partitions: left.keys, from: left.transform_values(&:offset),
                                                      to: left.transform_values(&:to))
          Run.new(iterator, left, @task, @selection, progress: Progress.new(@err, "messages", total: size(entries)), **more)
        end

        def size(entries) = entries.sum { |_, entry| entry.to - entry.offset }

        # The range without sending anything.
        def survey(entries)
          return Tally.new if size(entries).zero?

          run(entries).tap(&:call).tally
        end

        def allowed?(plan)
          return true if plan&.total&.zero? || !Karafka.env.production?

          Consent.given?(@terminal, @options, @task.effect(plan), @task.topic, otherwise: "Nothing was sent")
        end

        def carry_out(entries)
          return report(Tally.new, entries) if size(entries).zero?

          producer = BulkProducer.build(@kafka)
          run = run(entries, producer: producer, journal: @journal, pace: @pace)
          return report(run.tally, entries) if to_its_end(run)

          raise Errors::CommandError, "stopped: #{Amount.past(run.tally.total, "message")} sent, #{run.passed} of #{size(entries)} in " \
                                      "the range are done. The same command goes on there"
        ensure
          producer&.close
        end

        # A first Ctrl-C, or TERM, lets it send and commit what it has; a second one does not.
        def to_its_end(run)
          thread = Thread.new { run.call }
          thread.report_on_exception = false
          thread.value
        rescue SignalException
          raise if thread.nil?

          run.stop
          thread.value
        end

        def report(tally, entries)
          return json(facts(tally, entries)) if json?

          @terminal.say(*@task.summary(tally, @options[:dry_run] ? "would be sent" : "sent"))
          @terminal.say "Nothing was sent (--dry-run)" if @options[:dry_run]
          OK
        end

        def facts(tally, entries)
          { topic: @task.topic, group: @journal.group, dry_run: @options[:dry_run] || false, sent: tally.total,
            **@task.to_h(tally), range: entries.map { |partition, entry| { partition: partition, from: entry.offset, to: entry.to } } }
        end
      end
    end
  end
end
