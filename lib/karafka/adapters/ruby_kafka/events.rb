# frozen_string_literal: true

module Kafka
  # What an engine has to say while a consumer runs: for the log, and as events of ruby-kafka.
  # @api private
  class Events
    # How long a read waits, ms. The end of the engine ends it, too.
    TURN_MS = 1_000
    # What waiting does not mend. ruby-kafka's loops end with these, too.
    FINAL = %i[
      topic_authorization_failed group_authorization_failed cluster_authorization_failed authentication sasl_authentication_failed
      unsupported_sasl_mechanism illegal_sasl_state invalid_group_id inconsistent_group_protocol invalid_session_timeout
      unsupported_version
    ].freeze
    # What a process cannot begin with.
    UNREACHABLE = %i[all_brokers_down].freeze
    private_constant :TURN_MS, :FINAL, :UNREACHABLE

    # @param engine [Karafka::Engine]
    # @param session [Session]
    # @param settings [Settings]
    # @param group_id [String]
    def initialize(engine, session, settings, group_id)
      @engine = engine
      @session = session
      @logger = settings.logger
      @group_id = group_id
      @instrumenter = Instrumenter.new(client_id: settings.client_id, group_id: group_id)
      @reports = Karafka::Diagnosis::Reports.new(settings.with({}), group: group_id)
      @assigned = false
      @pending = []
    end

    # @return [self]
    def start
      @lasting = Karafka::LastingThread.new("kafka.events", replaced: method(:replaced)) { read }.start
      self
    end

    # @return [void]
    def finish
      @lasting.join(TURN_MS * 2 / 1_000.0)
      @lasting.kill
    end

    private

    def read
      until @closed
        take
        # Each is tried once, also where a subscriber ends the thread.
        until @pending.empty?
          event = @pending.shift
          guarded { handle(event) }
        end
      end
    rescue Karafka::Errors::BaseError => e
      @session.fail(ErrorNames.of(e))
    end

    def take
      @closed = true if @pending.empty? && !Karafka::LastingThread.keep(@pending) { @engine.events(TURN_MS) }
    end

    def replaced(error)
      reason = Karafka::LastingThread.reason(error)
      @logger.warn("a subscriber of an event of #{@group_id} has ended the thread of events#{reason}; another one goes on")
    end

    # A subscriber that raises must not end it.
    def guarded
      yield
    rescue StandardError => e
      @logger.error("a subscriber of an event of #{@group_id} raised #{e.class}: #{e.message}")
    end

    def handle(event)
      case event[:type]
      when :error then error(event)
      when :assigned then assigned(event)
      when :revoked then @logger.info("#{@group_id}: gave up #{places(event)}#{" (lost)" if event[:lost]}")
      when :committed then @logger.error("#{@group_id}: a commit failed: #{event[:error]}") if event[:error]
      when :log then @logger.public_send(level(event), "#{event[:target]}: #{event[:message]}")
      else other(event)
      end
    end

    def error(event)
      code = event[:code].to_sym
      # nil: it was reported a short time ago.
      reported, = @reports.report(event)
      @logger.error("#{@group_id}: #{reported.message} (#{code})") if reported
      ends = FINAL.include?(code) || event[:fatal] || (UNREACHABLE.include?(code) && !@assigned)
      @session.fail(ErrorNames.of(Karafka::Errors::KafkaError.new(reported&.message || event[:message].to_s, code: code))) if ends
    end

    def assigned(event)
      @assigned = true
      recovered = @reports.over
      @logger.info("#{@group_id}: #{recovered}") if recovered
      @logger.info("#{@group_id}: assigned #{places(event)}")
      @instrumenter.instrument("join_group.consumer")
      @instrumenter.instrument("sync_group.consumer", { topic_partitions: by_topic(event) })
    end

    # Stuck batches, lost messages, topics that are missing, and what else there may be.
    def other(event)
      case event[:type]
      when :stuck
        @logger.warn("#{@group_id}: the block is busy with #{event[:topic]}/#{event[:partition]} for #{event[:age_ms] / 1_000} s")
      when :left
        @logger.error("#{@group_id}: a message of #{event[:topic]}/#{event[:partition]} takes longer than " \
                      "#{Session::MESSAGE_LIMIT_MS / 1_000} s: the process leaves the group until it ends")
      when :overtaken, :went_back, :recreated, :missing, :refused
        @logger.warn("#{@group_id}: #{event.except(:group).map { |key, value| "#{key} #{value}" }.join(", ")}")
      else @logger.debug { "#{@group_id}: #{event[:type]}" }
      end
    end

    def by_topic(event)
      event[:partitions].each_with_object({}) { |(topic, partition), found| (found[topic] ||= []) << partition }
    end

    def places(event) = event[:partitions].map { |topic, partition| "#{topic}/#{partition}" }.join(", ")

    def level(event) = %w[error warn info].include?(event[:level].to_s) ? event[:level].to_sym : :debug
  end
end
