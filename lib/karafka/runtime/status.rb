# frozen_string_literal: true

module Karafka
  # Where the process is between its start and its end. Each change is the event `app.<status>`.
  class Status
    # In the order in which a process goes through them. The supervisor of a swarm is `supervising` instead of `running`.
    ALL = %i[initializing initialized running supervising quieting quiet stopping stopped terminated].freeze

    # @return [Symbol] one of {ALL}
    attr_reader :current

    # @param current [Symbol] one of {ALL}
    def initialize(current = :initializing)
      @current = current
    end

    ALL.each do |name|
      define_method(:"#{name}?") { @current == name }

      # Does nothing when that is the status already.
      define_method(:"#{name}!") do
        next if @current == name

        @current = name
        # An observer that fails must not keep the process from stopping.
        Instrumentation::Safely.instrument("app.#{name}", caller: self)
      end
    end

    # Their names in Karafka 1.x.
    { initialize!: :initializing!, run!: :running!, stop!: :stopping! }.each { |old, name| alias_method old, name }

    # @return [Boolean] whether no new work is begun any more
    def done?
      ALL.index(@current) > ALL.index(:supervising)
    end

    # @return [String]
    def to_s
      @current.to_s
    end
  end
end
